// Products with block weights at the speed of memory, for activations of 16 bits.
//
// A tile of 16 lines belongs to a block of threads, whose warps share out the depth in chunks of eight blocks (256 elements). Each warp
// copies its chunks of the 16 rows into shared memory, some chunks ahead, as bytes: 16 at a time, as eight blocks of 34 or 18 bytes are a
// multiple of 16. From there a lane takes four codes at a time, makes 16-bit floats of them (exactly) and multiplies on the tensor cores,
// where the 16 lines are the rows and up to eight activation rows the columns: eight rows cost what one costs. The elements of a block are
// taken in the order that suits the lanes, the same for weights and activations. The sum over a block is scaled in f32, and the warps' sums
// are added in order at the end.
#pragma once

#include "blocks.cuh"
#include "product.cuh"

namespace whittle::cuda {

constexpr int tileLines = 16;
constexpr int blockWarps = 8;
constexpr int chunkBlocks = 8;
constexpr int chunkElements = chunkBlocks * blockElements;

template <typename Block>
constexpr int chunkBytes = chunkBlocks * sizeof(Block);

// Chunks on their way for each warp, so many that three thread blocks fit a multiprocessor (two where there are two tiles of q8_0).
template <typename Block, int tiles>
constexpr int stages = tiles == 1 && sizeof(Block) == 18 ? 4 : 2;

template <typename Block, int tiles>
constexpr int stageBytes = tiles * tileLines * chunkBytes<Block>;

// Blocks whose activations a lane holds at a time: an even number, as every other block is shifted.
template <int columns>
constexpr int held = columns == 1 ? 4 : 2;

inline bool isAligned(const Tensor& tensor, int64_t bytes) {
  return reinterpret_cast<uintptr_t>(tensor.data) % bytes == 0 &&
         (tensor.rows() <= 1 || bytesOf(tensor.dtype, tensor.rowStride) % bytes == 0);
}

template <typename Block>
bool blocksStream(const Product& product) {
  if (product.depth() == 0 || product.depth() % chunkElements != 0 || !isAligned(product.x, 8)) return false;
  for (int i = 0; i < product.count; i++) {
    if (!isAligned(product.weight[i], 16)) return false;
  }
  return true;
}

// The word at a 2-byte aligned place; `shifted` says that it is no multiple of 4.
template <bool shifted>
__device__ inline uint32_t wordAt(const unsigned char* place) {
  if constexpr (!shifted) return *reinterpret_cast<const uint32_t*>(place);
  const auto* words = reinterpret_cast<const uint32_t*>(place - 2);
  return __funnelshift_r(words[0], words[1], 16);
}

__device__ inline void multiplyAdd(BF16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mmaBFloat(d, a, b);
}

__device__ inline void multiplyAdd(F16, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mmaHalf(d, a, b);
}

// The pairs of one row of weights: those of the block's first half, then those of the second. `codes` are the codes of its block, from the
// lane's own on.
template <typename T, typename Block, bool shifted>
__device__ inline void loadPairs(const unsigned char* codes, uint32_t (&pairs)[4]) {
  const uint32_t first = wordAt<shifted>(codes);
  if constexpr (sizeof(Block) == sizeof(Q8Block)) {
    const uint32_t second = wordAt<shifted>(codes + 16);
    pairs[0] = Codes<T>::pairOfQ8(first);
    pairs[1] = Codes<T>::pairOfQ8(first >> 8);
    pairs[2] = Codes<T>::pairOfQ8(second);
    pairs[3] = Codes<T>::pairOfQ8(second >> 8);
  } else {
    pairs[0] = Codes<T>::pairOfQ4(first);
    pairs[1] = Codes<T>::pairOfQ4(first >> 8);
    pairs[2] = Codes<T>::pairOfQ4(first >> 4);
    pairs[3] = Codes<T>::pairOfQ4(first >> 12);
  }
}

// Four neighbouring activations of each half of a block, as the pairs (0, 2) and (1, 3).
__device__ inline void interleave(const uint2 (&fours)[2], uint32_t (&pairs)[4]) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    pairs[2 * half] = __byte_perm(fours[half].x, fours[half].y, 0x5410);
    pairs[2 * half + 1] = __byte_perm(fours[half].x, fours[half].y, 0x7632);
  }
}

// sums += the products of one block of each of the tile's rows. `row` is the lane's first row in the stage, its second one lies 8 further
// on.
template <typename T, typename Block, int columns, bool shifted>
__device__ inline void addBlock(const unsigned char* row, int thread, const uint32_t (&activations)[columns][4],
                                float (&sums)[columns][4]) {
  constexpr int second = 8 * chunkBytes<Block>;
  uint32_t low[4], high[4];
  loadPairs<T, Block, shifted>(row + 2 + 4 * thread, low);
  loadPairs<T, Block, shifted>(row + second + 2 + 4 * thread, high);
  const float lowScale = halfToFloat(*reinterpret_cast<const uint16_t*>(row));
  const float highScale = halfToFloat(*reinterpret_cast<const uint16_t*>(row + second));
#pragma unroll
  for (int c = 0; c < columns; c++) {
    float products[4] = {};
    multiplyAdd(T{}, products, {low[0], high[0], low[1], high[1]}, {activations[c][0], activations[c][1]});
    multiplyAdd(T{}, products, {low[2], high[2], low[3], high[3]}, {activations[c][2], activations[c][3]});
    sums[c][0] = fmaf(lowScale, products[0], sums[c][0]);
    sums[c][1] = fmaf(lowScale, products[1], sums[c][1]);
    sums[c][2] = fmaf(highScale, products[2], sums[c][2]);
    sums[c][3] = fmaf(highScale, products[3], sums[c][3]);
  }
}

// `columns`: groups of eight activation rows. `tiles`: 2 where the products are gated, one tile of each.
template <typename T, typename Block, int columns, int tiles>
__global__ void __launch_bounds__(32 * blockWarps, columns == 4 ? 1 : 2) streamBlocksKernel(const __grid_constant__ Product product) {
  WHITTLE_SHARED(shared);
  constexpr int pieces = chunkBytes<Block> / 16;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int group = lane / 4, thread = lane % 4;
  const int64_t firstRow = int64_t{blockIdx.x} * columns * 8;
  const int64_t firstLine = int64_t{blockIdx.y} * tileLines, lastLine = product.lines() - 1;
  const int chunks = static_cast<int>(product.depth() / chunkElements);
  const Tensor& x = product.x;

  const auto rowOf = [&](int row) {
    const int64_t line = firstLine + row % tileLines;
    return static_cast<const unsigned char*>(weightRow(product, line < lastLine ? line : lastLine, row / tileLines));
  };
  // What comes first of every row.
  for (int line = threadIdx.x; line < tiles * tileLines * 32; line += 32 * blockWarps) {
    const int64_t byte = int64_t{line / (tiles * tileLines)} * 128;
    if (byte < int64_t{chunks} * chunkBytes<Block>) prefetchL2(rowOf(line % (tiles * tileLines)) + byte);
  }
  afterPrevious();

  unsigned char* const ring = shared + warp * stages<Block, tiles> * stageBytes<Block, tiles>;
  const auto copyChunk = [&](int chunk, int stage) {
    if (chunk < chunks) {
      for (int piece = lane; piece < tiles * tileLines * pieces; piece += 32) {
        const int row = piece / pieces, part = piece % pieces;
        copyAsync(ring + stage * stageBytes<Block, tiles> + piece * 16, rowOf(row) + int64_t{chunk} * chunkBytes<Block> + part * 16);
      }
    }
    endCopies();
  };

  float sums[tiles][columns][4] = {};
#pragma unroll
  for (int stage = 0; stage < stages<Block, tiles>; stage++) copyChunk(warp + stage * blockWarps, stage);
  int stage = 0;
  for (int chunk = warp; chunk < chunks; chunk += blockWarps) {
    const unsigned char* const row = ring + stage * stageBytes<Block, tiles> + group * chunkBytes<Block>;
#pragma unroll
    for (int block = 0; block < chunkBlocks; block += held<columns>) {
      // Asked for together, and the chunk's first ones before its weights have arrived.
      uint2 fours[held<columns>][columns][2];
#pragma unroll
      for (int h = 0; h < held<columns>; h++) {
#pragma unroll
        for (int c = 0; c < columns; c++) {
          const int64_t activationRow = firstRow + c * 8 + group;
          fours[h][c][0] = fours[h][c][1] = uint2{0, 0};
          if (activationRow < x.rows()) {
            const auto* place = reinterpret_cast<const uint2*>(x.row<const T>(activationRow) + chunk * chunkElements +
                                                               (block + h) * blockElements + 4 * thread);
            fours[h][c][0] = __ldg(place);
            fours[h][c][1] = __ldg(place + 4);
          }
        }
      }
      if (block == 0) {
        copiesLeft<stages<Block, tiles> - 1>();
        __syncwarp();
      }
#pragma unroll
      for (int h = 0; h < held<columns>; h++) {
        uint32_t activations[columns][4];
#pragma unroll
        for (int c = 0; c < columns; c++) interleave(fours[h][c], activations[c]);
#pragma unroll
        for (int t = 0; t < tiles; t++) {
          const unsigned char* const place = row + t * tileLines * chunkBytes<Block> + (block + h) * static_cast<int>(sizeof(Block));
          if (h % 2 == 0) {
            addBlock<T, Block, columns, true>(place, thread, activations, sums[t]);
          } else {
            addBlock<T, Block, columns, false>(place, thread, activations, sums[t]);
          }
        }
      }
    }
    __syncwarp();
    copyChunk(chunk + stages<Block, tiles> * blockWarps, stage);
    stage = stage + 1 == stages<Block, tiles> ? 0 : stage + 1;
  }

  // Every warp's sums meet in shared memory, where its chunks no longer lie.
  copiesLeft<0>();
  __syncthreads();
  constexpr int values = columns * 4 * 32;
  auto* const parts = reinterpret_cast<float*>(shared);
#pragma unroll
  for (int t = 0; t < tiles; t++) {
#pragma unroll
    for (int c = 0; c < columns; c++) {
#pragma unroll
      for (int i = 0; i < 4; i++) parts[((warp * tiles + t) * columns * 4 + c * 4 + i) * 32 + lane] = sums[t][c][i];
    }
  }
  __syncthreads();
  for (int value = threadIdx.x; value < values; value += 32 * blockWarps) {
    float totals[2] = {};
#pragma unroll
    for (int t = 0; t < tiles; t++) {
      for (int part = 0; part < blockWarps; part++) totals[t] += parts[(part * tiles + t) * values + value];
    }
    const int i = value / 32 % 4, c = value / 128;
    const int64_t line = firstLine + value % 32 / 4 + i / 2 * 8;
    const int64_t row = firstRow + c * 8 + value % 4 * 2 + i % 2;
    if (line > lastLine || row >= x.rows()) continue;
    if constexpr (tiles == 2) {
      finishGated(product, row, line, totals[0], totals[1]);
    } else {
      finishLine(product, row, line, totals[0]);
    }
  }
}

template <typename T, typename Block, int columns, int tiles>
bool launchStream(const Call& call, const Product& product) {
  constexpr size_t sharedBytes = size_t{blockWarps} * stages<Block, tiles> * stageBytes<Block, tiles>;
  static_assert(sharedBytes >= size_t{blockWarps} * tiles * columns * 4 * 32 * sizeof(float));
  const dim3 grid(static_cast<unsigned>(divideUp(product.rows(), columns * 8)),
                  static_cast<unsigned>(divideUp(product.lines(), tileLines)));
  return call.launch(streamBlocksKernel<T, Block, columns, tiles>, grid, dim3(32 * blockWarps), sharedBytes, product);
}

template <typename T, typename Block>
bool streamBlocks(const Call& call, const Product& product) {
  const auto ofColumns = [&]<int columns>() {
    return product.gated ? launchStream<T, Block, columns, 2>(call, product) : launchStream<T, Block, columns, 1>(call, product);
  };
  if (product.rows() <= 8) return ofColumns.template operator()<1>();
  if (product.rows() <= 16) return ofColumns.template operator()<2>();
  return ofColumns.template operator()<4>();
}

}  // namespace whittle::cuda
