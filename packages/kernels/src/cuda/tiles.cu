// Many rows of 16-bit numbers where cuBLASLt is not installed: 128 rows by 128 lines a block, on the tensor cores, the next columns on their way into shared
// memory meanwhile.
#include "matrix-unit.cuh"
#include "product.cuh"
#include "tile-slices.cuh"

namespace whittle::cuda {

constexpr int slices = 3;
constexpr int tileThreads = 256;

template <typename T>
__global__ void __launch_bounds__(tileThreads) tileKernel(const __grid_constant__ Product product) {
  WHITTLE_SHARED(shared);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int64_t rows = product.rows(), depth = product.depth(), lines = product.lines();
  const int64_t firstRow = int64_t{blockIdx.x} * tileSide, firstLine = int64_t{blockIdx.y} * tileSide;
  afterPrevious();

  // This thread copies a piece of two rows of either operand.
  const int piece = threadIdx.x % 4, copyRow = threadIdx.x / 4;
  const unsigned char* xSource[2];
  const unsigned char* weightSource[2];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    const int64_t row = firstRow + copyRow + 64 * i, line = firstLine + copyRow + 64 * i;
    xSource[i] = row < rows ? product.x.row<const unsigned char>(0) + 2 * row * product.x.rowStride + 16 * piece : nullptr;
    weightSource[i] = line < lines ? reinterpret_cast<const unsigned char*>(weightRowOf<T>(product, line, 0)) + 16 * piece : nullptr;
  }
  const auto copy = [&](unsigned char* target, const unsigned char* source, int64_t slice) {
    const bool present = source && slice * sliceColumns + 8 * piece < depth;
    copyAsync(target, present ? source + 64 * slice : product.x.row<const unsigned char>(0), present);
  };
  const int64_t count = (depth + sliceColumns - 1) / sliceColumns;
  const auto fill = [&](int64_t slice) {
    if (slice < count) {
      unsigned char* stage = shared + slice % slices * 2 * sliceBytes;
#pragma unroll
      for (int i = 0; i < 2; i++) {
        copy(stage + pieceAt(copyRow + 64 * i, piece), xSource[i], slice);
        copy(stage + sliceBytes + pieceAt(copyRow + 64 * i, piece), weightSource[i], slice);
      }
    }
    endCopies();
  };
#pragma unroll
  for (int slice = 0; slice < slices - 1; slice++) fill(slice);

  // A warp: 64 rows by 32 lines.
  const int rowBase = warp / 4 * 64, lineBase = warp % 4 * 32;
  float sums[4][4][4] = {};
  for (int64_t slice = 0; slice < count; slice++) {
    copiesLeft<slices - 2>();
    // All have their copies of this slice, and have read the one before, whose place is filled next.
    __syncthreads();
    fill(slice + slices - 1);
    const unsigned char* stage = shared + slice % slices * 2 * sliceBytes;
#pragma unroll
    for (int half = 0; half < 2; half++) {
      uint32_t x[4][4], weight[2][4];
#pragma unroll
      for (int m = 0; m < 4; m++) loadMatrices(x[m], stage + pieceAt(rowBase + 16 * m + lane % 16, 2 * half + lane / 16));
#pragma unroll
      for (int n = 0; n < 2; n++) {
        loadMatrices(weight[n], stage + sliceBytes + pieceAt(lineBase + 16 * n + lane / 16 * 8 + lane % 8, 2 * half + lane / 8 % 2));
      }
#pragma unroll
      for (int m = 0; m < 4; m++) {
#pragma unroll
        for (int n = 0; n < 4; n++) matrixMultiply<T>(sums[m][n], x[m], {weight[n / 2][n % 2 * 2], weight[n / 2][n % 2 * 2 + 1]});
      }
    }
  }

#pragma unroll
  for (int m = 0; m < 4; m++) {
#pragma unroll
    for (int n = 0; n < 4; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int64_t row = firstRow + rowBase + 16 * m + lane / 4 + i / 2 * 8, line = firstLine + lineBase + 8 * n + lane % 4 * 2 + i % 2;
        if (row < rows && line < lines) finishLine(product, row, line, sums[m][n][i]);
      }
    }
  }
}

bool tiled(const Call& call, const Product& product) {
  const Tensor& x = product.x;
  bool fits = call.machine.capability >= 80 && x.dtype != DType::f32 && x.columns() % 8 == 0 && rowsAligned(x);
  for (int i = 0; i < product.count; i++) fits = fits && product.weight[i].dtype == x.dtype && rowsAligned(product.weight[i]);
  return fits;
}

bool multiplyTiled(const Call& call, const Product& product) {
  const dim3 grid(static_cast<unsigned>(divideUp(product.rows(), tileSide)), static_cast<unsigned>(divideUp(product.lines(), tileSide)));
  const auto kernel = product.x.dtype == DType::bf16 ? tileKernel<BF16> : tileKernel<F16>;
  return call.launch(kernel, grid, dim3(tileThreads), 2 * slices * sliceBytes, product);
}

}  // namespace whittle::cuda
