// Linear layers of any dtypes, sizes and alignment, in f32 arithmetic: a warp computes a few lines for a few rows, its lanes side by side along the depth.
// Whatever the number of rows and lines, a lane sums the same columns in the same order, and the lanes' sums are added up in the same order: a row's result is
// the same to the bit in any company. The price is paid above some 64 rows: weights are read again for every eight.
#include "product.cuh"
#include "reduce.cuh"

namespace whittle::cuda {

constexpr int lanesWarps = 4;

// Neighbouring elements that a lane takes at a time, as floats: 16 bytes of a weight.
template <typename Element, int count>
struct Part {
  float x[count];

  // Zeros from `left` on. `packed`: the address is a multiple of what it holds, up to 16 bytes.
  __device__ Part(const Element* source, int64_t left, bool packed) {
    constexpr int width = count < packSize<Element> ? count : packSize<Element>;
    if (packed && left >= count) {
#pragma unroll
      for (int i = 0; i < count / width; i++) {
        const auto pack = reinterpret_cast<const Pack<Element, width>*>(source)[i];
#pragma unroll
        for (int j = 0; j < width; j++) x[i * width + j] = toFloat(pack.item[j]);
      }
    } else {
#pragma unroll
      for (int i = 0; i < count; i++) x[i] = i < left ? toFloat(source[i]) : 0.0f;
    }
  }
};

template <typename T, typename W, int rowCount, int lineCount>
__global__ void __launch_bounds__(32 * lanesWarps, 1) lanesKernel(const __grid_constant__ Product product, bool packedInput, bool packedWeights) {
  constexpr int width = packSize<W>, step = 32 * width;
  // Loads of weights under way at a time.
  constexpr int ahead = rowCount == 1 ? 4 : rowCount == 4 ? 2 : 1;
  const int lane = threadIdx.x % 32;
  const bool gated = product.gated;
  const int64_t depth = product.depth(), rows = product.rows(), lines = product.lines();
  const int64_t firstRow = int64_t{blockIdx.x} * rowCount;
  // Of a gated product a warp takes half as many lines, of both weights.
  const int64_t firstLine = (int64_t{blockIdx.y} * lanesWarps + threadIdx.x / 32) * (gated ? lineCount / 2 : lineCount);

  // Beyond the last one, the last one again.
  const W* weights[lineCount];
#pragma unroll
  for (int l = 0; l < lineCount; l++) {
    const int64_t line = firstLine + (gated ? l / 2 : l);
    weights[l] = weightRowOf<W>(product, line < lines ? line : lines - 1, l % 2);
    if (lane * 128 < depth * static_cast<int64_t>(sizeof(W))) prefetchL2(reinterpret_cast<const unsigned char*>(weights[l]) + lane * 128);
  }
  afterPrevious();

  const T* inputs[rowCount];
#pragma unroll
  for (int r = 0; r < rowCount; r++) inputs[r] = product.x.row<const T>(firstRow + r < rows ? firstRow + r : rows - 1);

  float sums[rowCount][lineCount] = {};
  const auto accumulate = [&](int64_t k, const float (&weight)[lineCount][width]) {
#pragma unroll
    for (int r = 0; r < rowCount; r++) {
      const Part<T, width> input(inputs[r] + k, depth - k, packedInput);
#pragma unroll
      for (int l = 0; l < lineCount; l++) {
#pragma unroll
        for (int i = 0; i < width; i++) sums[r][l] = fmaf(input.x[i], weight[l][i], sums[r][l]);
      }
    }
  };

  int64_t k = lane * width;
  if (packedWeights) {
    for (; k - lane * width + ahead * step <= depth; k += ahead * step) {
      uint4 stored[ahead][lineCount];
#pragma unroll
      for (int a = 0; a < ahead; a++) {
#pragma unroll
        for (int l = 0; l < lineCount; l++) stored[a][l] = loadStreaming(weights[l] + k + a * step);
      }
#pragma unroll
      for (int a = 0; a < ahead; a++) {
        float weight[lineCount][width];
#pragma unroll
        for (int l = 0; l < lineCount; l++) {
          const auto pack = __builtin_bit_cast(Pack<W, width>, stored[a][l]);
#pragma unroll
          for (int i = 0; i < width; i++) weight[l][i] = toFloat(pack.item[i]);
        }
        accumulate(k + a * step, weight);
      }
    }
  }
  for (; k < depth; k += step) {
    float weight[lineCount][width];
#pragma unroll
    for (int l = 0; l < lineCount; l++) {
      const Part<W, width> part(weights[l] + k, depth - k, packedWeights);
#pragma unroll
      for (int i = 0; i < width; i++) weight[l][i] = part.x[i];
    }
    accumulate(k, weight);
  }

#pragma unroll
  for (int r = 0; r < rowCount; r++) {
    float whole[lineCount];
#pragma unroll
    for (int l = 0; l < lineCount; l++) whole[l] = warpReduce(sums[r][l], [](float a, float b) { return a + b; });
    if (firstRow + r >= rows) continue;
#pragma unroll
    for (int l = 0; l < lineCount; l++) {
      if (lane != l) continue;
      if (!gated) {
        if (firstLine + l < lines) finishLine(product, firstRow + r, firstLine + l, whole[l]);
      } else if (l % 2 == 0 && firstLine + l / 2 < lines) {
        finishGated(product, firstRow + r, firstLine + l / 2, whole[l], whole[l + 1]);
      }
    }
  }
}

template <typename T, typename W, int rowCount, int lineCount>
static bool launchLanes(const Call& call, const Product& product) {
  const int64_t lines = product.gated ? lineCount / 2 : lineCount;
  const dim3 grid(static_cast<unsigned>(divideUp(product.rows(), rowCount)), static_cast<unsigned>(divideUp(product.lines(), lanesWarps * lines)));
  bool packedWeights = true;
  for (int i = 0; i < product.count; i++) packedWeights = packedWeights && rowsAligned(product.weight[i]);
  const bool packedInput = rowsAligned(product.x);
  return call.launch(lanesKernel<T, W, rowCount, lineCount>, grid, dim3(32 * lanesWarps), 0, product, packedInput, packedWeights);
}

bool multiplyInLanes(const Call& call, const Product& product) {
  return withFloatType(product.x.dtype, [&]<typename T>() {
    return withFloatType(product.weight[0].dtype, [&]<typename W>() {
      const int64_t rows = product.rows();
      if (rows == 1) return launchLanes<T, W, 1, 2>(call, product);
      if (rows <= 4) return launchLanes<T, W, 4, 2>(call, product);
      return launchLanes<T, W, 8, 4>(call, product);
    });
  });
}

}  // namespace whittle::cuda
