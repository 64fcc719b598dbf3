// Products of many rows with block weights, for activations of 16 bits: 128 rows by 128 lines a thread block, a block of every line at a time. Its codes become
// 16-bit floats (exactly) once, on their way into shared memory; the tensor cores' sum over a block is scaled in f32. Of a gated product a tile holds 64 lines of
// each half, eight and eight in turn.
#pragma once

#include "blocks.cuh"
#include "matrix-unit.cuh"
#include "product.cuh"
#include "tile-slices.cuh"

namespace whittle::cuda {

static_assert(sliceColumns == blockElements);

// What a thread reads of a line's block: the 16 codes of its half (q8_0), or the 16 bytes that hold both halves (q4_0), as words. Rows begin on 16 bytes, so in
// every other block the codes begin on 4; in the others they begin 2 bytes into the first word.
struct RawCodes {
  uint32_t words[5];
  uint16_t scale;
};

__device__ inline bool isShifted(int slice) {
  return slice % 2 == 0;
}

template <typename Block>
__device__ inline RawCodes loadCodes(const unsigned char* row, int slice, int half) {
  RawCodes raw;
  const unsigned char* const block = row + int64_t{slice} * static_cast<int64_t>(sizeof(Block));
  raw.scale = __ldg(reinterpret_cast<const uint16_t*>(block));
  const auto* words = reinterpret_cast<const uint32_t*>(block + (isShifted(slice) ? 0 : 2) + (sizeof(Block) == sizeof(Q8Block) ? 16 * half : 0));
#pragma unroll
  for (int i = 0; i < 4; i++) raw.words[i] = __ldg(words + i);
  raw.words[4] = isShifted(slice) ? __ldg(words + 4) : 0;
  return raw;
}

// The codes of this thread's half of the block, eight in each piece.
template <typename T, typename Block>
__device__ inline void widen(const RawCodes& raw, int slice, int half, uint32_t (&pieces)[2][4]) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const uint32_t word = __funnelshift_r(raw.words[i], raw.words[i + 1], isShifted(slice) ? 16 : 0);
    uint32_t even, odd;
    if constexpr (sizeof(Block) == sizeof(Q8Block)) {
      even = Codes<T>::pairOfQ8(word);
      odd = Codes<T>::pairOfQ8(word >> 8);
    } else {
      even = Codes<T>::pairOfQ4(word >> 4 * half);
      odd = Codes<T>::pairOfQ4(word >> (4 * half + 8));
    }
    pieces[i / 2][i % 2 * 2] = __byte_perm(even, odd, 0x5410);
    pieces[i / 2][i % 2 * 2 + 1] = __byte_perm(even, odd, 0x7632);
  }
}

constexpr int blockTileThreads = 2 * tileSide;
// Slices of x that are there or on their way, and of the weights.
constexpr int inputSlices = 3, weightSlices = 2;
// As far ahead a line's blocks are asked for from memory.
constexpr int slicesAhead = 16;
constexpr int blockTileBytes = (inputSlices + weightSlices) * sliceBytes + weightSlices * tileSide * static_cast<int>(sizeof(float));

template <typename T, typename Block>
__global__ void __launch_bounds__(blockTileThreads, 2) blockTileKernel(const __grid_constant__ Product product) {
  WHITTLE_SHARED(shared);
  unsigned char* const weights = shared + inputSlices * sliceBytes;
  auto* const scales = reinterpret_cast<float*>(weights + weightSlices * sliceBytes);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const bool gated = product.gated;
  const int64_t rows = product.rows(), lines = product.lines();
  const int64_t firstRow = int64_t{blockIdx.x} * tileSide, firstLine = int64_t{blockIdx.y} * (gated ? tileSide / 2 : tileSide);
  const int count = static_cast<int>(product.depth() / blockElements);
  afterPrevious();

  // This thread copies a piece of two rows of x and half of every block of a line; beyond the last, of the last.
  const int piece = threadIdx.x % 4, copyRow = threadIdx.x / 4;
  const unsigned char* source[2];
#pragma unroll
  for (int i = 0; i < 2; i++) {
    const int64_t row = firstRow + copyRow + 64 * i;
    source[i] = product.x.row<const unsigned char>(0) + 2 * (row < rows ? row : rows - 1) * product.x.rowStride + 16 * piece;
  }
  const auto fill = [&](int slice) {
    if (slice < count) {
      unsigned char* stage = shared + slice % inputSlices * sliceBytes;
#pragma unroll
      for (int i = 0; i < 2; i++) {
        copyAsync(stage + pieceAt(copyRow + 64 * i, piece), source[i]);
        source[i] += 64;
      }
    }
    endCopies();
  };
  const int own = threadIdx.x / 2, half = threadIdx.x % 2;
  int64_t line = firstLine + (gated ? own / 16 * 8 + own % 8 : own);
  if (line >= lines) line = lines - 1;
  const Line at = weightAt(product, line, own / 8 % 2);
  const auto* codes = reinterpret_cast<const unsigned char*>(blockRow<Block>(product.weight[at.matrix], at.row));

  RawCodes raw = loadCodes<Block>(codes, 0, half);
#pragma unroll
  for (int slice = 0; slice < inputSlices - 1; slice++) fill(slice);

  // A warp: 64 rows by 32 lines.
  const int rowBase = warp / 4 * 64, lineBase = warp % 4 * 32;
  float sums[4][4][4] = {};
  for (int slice = 0; slice < count; slice++) {
    unsigned char* const weightStage = weights + slice % weightSlices * sliceBytes;
    float* const scaleStage = scales + slice % weightSlices * tileSide;
    uint32_t pieces[2][4];
    widen<T, Block>(raw, slice, half, pieces);
#pragma unroll
    for (int i = 0; i < 2; i++) {
      *reinterpret_cast<uint4*>(weightStage + pieceAt(own, 2 * half + i)) = uint4{pieces[i][0], pieces[i][1], pieces[i][2], pieces[i][3]};
    }
    if (half == 0) scaleStage[own] = halfToFloat(raw.scale);
    copiesLeft<inputSlices - 2>();
    // All have this slice, and have read the one before, whose places are filled next.
    __syncthreads();
    fill(slice + inputSlices - 1);
    if (slice + 1 < count) raw = loadCodes<Block>(codes, slice + 1, half);
    if (slice % 4 == 2 * half && slice + slicesAhead < count) prefetchL2(codes + int64_t{slice + slicesAhead} * static_cast<int>(sizeof(Block)));

    const unsigned char* const stage = shared + slice % inputSlices * sliceBytes;
    uint32_t weight[2][2][4];
#pragma unroll
    for (int n = 0; n < 2; n++) {
#pragma unroll
      for (int k = 0; k < 2; k++) {
        loadMatrices(weight[k][n], weightStage + pieceAt(lineBase + 16 * n + lane / 16 * 8 + lane % 8, 2 * k + lane / 8 % 2));
      }
    }
#pragma unroll
    for (int m = 0; m < 4; m++) {
      float products[4][4] = {};
#pragma unroll
      for (int k = 0; k < 2; k++) {
        uint32_t in[4];
        loadMatrices(in, stage + pieceAt(rowBase + 16 * m + lane % 16, 2 * k + lane / 16));
#pragma unroll
        for (int n = 0; n < 4; n++) {
          matrixMultiply<T>(products[n], in, {weight[k][n / 2][n % 2 * 2], weight[k][n / 2][n % 2 * 2 + 1]});
        }
      }
#pragma unroll
      for (int n = 0; n < 4; n++) {
        const float2 scale = *reinterpret_cast<const float2*>(scaleStage + lineBase + 8 * n + lane % 4 * 2);
        sums[m][n][0] = fmaf(scale.x, products[n][0], sums[m][n][0]);
        sums[m][n][1] = fmaf(scale.y, products[n][1], sums[m][n][1]);
        sums[m][n][2] = fmaf(scale.x, products[n][2], sums[m][n][2]);
        sums[m][n][3] = fmaf(scale.y, products[n][3], sums[m][n][3]);
      }
    }
  }

#pragma unroll
  for (int m = 0; m < 4; m++) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int64_t row = firstRow + rowBase + 16 * m + lane / 4 + i / 2 * 8;
      if (row >= rows) continue;
      const int column = lane % 4 * 2 + i % 2;
#pragma unroll
      for (int n = 0; n < 4; n++) {
        const int64_t target = firstLine + (gated ? (lineBase + 8 * n) / 2 : lineBase + 8 * n) + column;
        if (target >= lines || (gated && n % 2 == 1)) continue;
        if (gated) {
          finishGated(product, row, target, sums[m][n][i], sums[m][n | 1][i]);
        } else {
          finishLine(product, row, target, sums[m][n][i]);
        }
      }
    }
  }
}

inline dim3 blockTiles(const Product& product) {
  return dim3(static_cast<unsigned>(divideUp(product.rows(), tileSide)),
              static_cast<unsigned>(divideUp(product.lines(), product.gated ? tileSide / 2 : tileSide)));
}

// Quicker than streaming: there are many rows, or enough to fill tiles that keep most multiprocessors busy.
inline bool inBlockTiles(const Call& call, const Product& product) {
  const dim3 grid = blockTiles(product);
  if (product.rows() > 2 * tileSide) return true;
  return product.rows() > tileSide / 2 && int64_t{grid.x} * grid.y >= call.machine.multiprocessors / 2;
}

template <typename T, typename Block>
bool multiplyBlockTiles(const Call& call, const Product& product) {
  return call.launch(blockTileKernel<T, Block>, blockTiles(product), dim3(blockTileThreads), blockTileBytes, product);
}

}  // namespace whittle::cuda
