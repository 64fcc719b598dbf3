// Products with block weights at the speed of memory, for activations of 16 bits.
//
// A block of threads takes an equal share of the lines and passes 16 of them at a time (of a gated product 8 of each half). Its warps take turns
// along the depth, in chunks of eight blocks (256 elements), which are a multiple of 16 bytes: each copies its chunks of the 16 rows into a ring
// of its own in shared memory, several ahead, across the borders of passes, so that the stream from memory never stops. From there a lane takes
// four codes at a time, makes 16-bit floats of them (exactly) and multiplies on the tensor cores, where the 16 lines are the rows and up to eight
// activation rows the columns: eight rows cost what one costs. The elements of a block are taken in the order that suits the lanes, the same for
// weights and activations. The sum over a block is scaled in f32, and the warps' sums are added in order at the end of a pass.
#pragma once

#include "blocks.cuh"
#include "matrix-unit.cuh"
#include "product.cuh"

namespace whittle::cuda {

constexpr int passLines = 16;
constexpr int chunkBlocks = 8;
constexpr int chunkElements = chunkBlocks * blockElements;

template <typename Block>
struct Stream {
  // A warp's chunk of a row and of all of them.
  static constexpr int rowBytes = chunkBlocks * sizeof(Block);
  static constexpr int stageBytes = passLines * rowBytes;
  static constexpr int stages = sizeof(Block) == sizeof(Q8Block) ? 3 : 4;
  static constexpr int ringBytes = stages * stageBytes;
  // All of a row's 16-byte pieces but the last are copied by as many lanes, those of several rows at once; the last ones come together.
  static constexpr int rowLanes = rowBytes / 16 - 1;
  static constexpr int rowsAtOnce = 32 / rowLanes;
  static constexpr int copies = passLines / rowsAtOnce;
  static_assert(rowLanes * rowsAtOnce == 32);
  static constexpr int most = 8;
};

// Thread blocks of a multiprocessor, as many as find room there. Were there room for one of the next kernel too, some multiprocessors would get more of its blocks
// than others, which would wait for those; so it is where a block has ended that one of the next kernel is set up.
template <typename Block, int columns>
constexpr int threadBlocks = columns == 1 || (columns == 2 && sizeof(Block) == sizeof(Q4Block)) ? 2 : 1;

// Floats that a warp's sums take, twice, as two passes may be under way.
template <int columns>
constexpr int warpSums = columns * passLines * 8;

template <typename Block, int columns>
constexpr int streamBytes(int warps) {
  return warps * (Stream<Block>::ringBytes + 2 * warpSums<columns> * static_cast<int>(sizeof(float)));
}

// Blocks whose activations a lane holds at a time: an even number, as every other block is shifted.
template <int columns>
constexpr int held = columns > 1 ? 2 : 8;

template <typename Block>
bool blocksStream(const Call& call, const Product& product) {
  if (product.depth() == 0 || product.depth() % chunkElements != 0 || !rowsAligned(product.x)) return false;
  for (int i = 0; i < product.count; i++) {
    if (!rowsAligned(product.weight[i])) return false;
  }
  return streamBytes<Block, 4>(1) <= call.machine.sharedBytes;
}

// The word at a 2-byte aligned place; `shifted` says that it is no multiple of 4.
template <bool shifted>
__device__ inline uint32_t wordAt(const unsigned char* place) {
  if constexpr (!shifted) return *reinterpret_cast<const uint32_t*>(place);
  const auto* words = reinterpret_cast<const uint32_t*>(place - 2);
  return __funnelshift_r(words[0], words[1], 16);
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
  constexpr int second = 8 * Stream<Block>::rowBytes;
  uint32_t low[4], high[4];
  loadPairs<T, Block, shifted>(row + 2 + 4 * thread, low);
  loadPairs<T, Block, shifted>(row + second + 2 + 4 * thread, high);
  const float lowScale = halfToFloat(*reinterpret_cast<const uint16_t*>(row));
  const float highScale = halfToFloat(*reinterpret_cast<const uint16_t*>(row + second));
#pragma unroll
  for (int c = 0; c < columns; c++) {
    float products[4] = {};
    matrixMultiply<T>(products, {low[0], high[0], low[1], high[1]}, {activations[c][0], activations[c][1]});
    matrixMultiply<T>(products, {low[2], high[2], low[3], high[3]}, {activations[c][2], activations[c][3]});
    sums[c][0] = fmaf(lowScale, products[0], sums[c][0]);
    sums[c][1] = fmaf(lowScale, products[1], sums[c][1]);
    sums[c][2] = fmaf(highScale, products[2], sums[c][2]);
    sums[c][3] = fmaf(highScale, products[3], sums[c][3]);
  }
}

// `columns`: groups of eight activation rows.
template <typename T, typename Block, int columns>
__global__ void __launch_bounds__(32 * Stream<Block>::most, threadBlocks<Block, columns>)
    streamBlocksKernel(const __grid_constant__ Product product) {
  using Shape = Stream<Block>;
  WHITTLE_SHARED(shared);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = lane / 4, quarter = lane % 4;
  const int warps = static_cast<int>(blockDim.x) / 32;
  unsigned char* const ring = shared + warp * Shape::ringBytes;
  unsigned char* const ringEnd = ring + Shape::ringBytes;
  auto* const partial = reinterpret_cast<float*>(shared + warps * Shape::ringBytes);

  const bool gated = product.gated;
  const int chunks = static_cast<int>(product.depth() / chunkElements), lineStep = gated ? 8 : 16;
  const int64_t lines = product.lines();
  const int from = static_cast<int>(lines * blockIdx.y / gridDim.y), to = static_cast<int>(lines * (blockIdx.y + 1) / gridDim.y);
  const int passes = (to - from + lineStep - 1) / lineStep;

  // Row `lane % 16` of the pass that begins with a line, null beyond the last.
  const auto ownRow = [&](int line) {
    const int row = lane % passLines;
    line += row % lineStep;
    if (line >= to) return uintptr_t{0};
    const Line at = weightAt(product, line, row / lineStep);
    return reinterpret_cast<uintptr_t>(blockRow<Block>(product.weight[at.matrix], at.row));
  };
  // What comes next from memory: the pass, the places in its rows that this lane copies from (null beyond the last), the chunk.
  int nextLine = from, nextChunk = warp;
  uintptr_t source[Shape::copies], lastSource;
  const auto aim = [&] {
    while (nextChunk >= chunks) {
      nextChunk -= chunks;
      nextLine += lineStep;
    }
    const uintptr_t own = ownRow(nextLine);
#pragma unroll
    for (int i = 0; i < Shape::copies; i++) {
      const uintptr_t place = __shfl_sync(~0u, own, i * Shape::rowsAtOnce + lane / Shape::rowLanes);
      source[i] = place ? place + lane % Shape::rowLanes * 16 : 0;
    }
    lastSource = own && lane < passLines ? own + Shape::rowLanes * 16 : 0;
  };
  aim();

  // What comes first of every row.
  const int64_t early = int64_t{chunks < Shape::stages * warps ? chunks : Shape::stages * warps} * Shape::rowBytes;
  if (const uintptr_t own = ownRow(from)) {
    for (int64_t byte = threadIdx.x / passLines * 128; byte < early; byte += warps * 2 * 128) prefetchL2(reinterpret_cast<const void*>(own + byte));
  }
  afterPrevious();

  int left = (passes * chunks - warp + warps - 1) / warps;
  // This lane's place in the stage that is filled next, and as far from it that of a last piece.
  unsigned char* filling = ring + lane / Shape::rowLanes * Shape::rowBytes + lane % Shape::rowLanes * 16;
  unsigned char* const fillingEnd = filling + Shape::ringBytes;
  const int lastPiece = static_cast<int>(ring + lane * Shape::rowBytes + Shape::rowLanes * 16 - filling);
  const auto fill = [&] {
    if (left > 0) {
      const int64_t offset = int64_t{nextChunk} * Shape::rowBytes;
#pragma unroll
      for (int i = 0; i < Shape::copies; i++) {
        if (source[i]) copyAsync(filling + i * Shape::rowsAtOnce * Shape::rowBytes, reinterpret_cast<const void*>(source[i] + offset));
      }
      if (lastSource) copyAsync(filling + lastPiece, reinterpret_cast<const void*>(lastSource + offset));
      nextChunk += warps;
      left--;
      if (nextChunk >= chunks && left > 0) aim();
    }
    endCopies();
    filling += Shape::stageBytes;
    if (filling == fillingEnd) filling -= Shape::ringBytes;
  };
#pragma unroll 1
  for (int stage = 0; stage < Shape::stages - 1; stage++) fill();

  // This lane's elements of the activations.
  const int64_t firstRow = int64_t{blockIdx.x} * columns * 8;
  const T* x[columns];
#pragma unroll
  for (int c = 0; c < columns; c++) {
    const int64_t row = firstRow + c * 8 + group;
    x[c] = row < product.rows() ? product.x.row<const T>(row) + 4 * quarter : nullptr;
  }

  const unsigned char* reading = ring + group * Shape::rowBytes;
  int chunk = warp;
  for (int pass = 0; pass < passes; pass++) {
    float sums[columns][4] = {};
    for (; chunk < chunks; chunk += warps) {
      constexpr int together = held<columns>;
#pragma unroll
      for (int block = 0; block < chunkBlocks; block += together) {
        // Asked for together, and the chunk's first ones before its weights have arrived.
        uint2 fours[together][columns][2] = {};
#pragma unroll
        for (int c = 0; c < columns; c++) {
          if (!x[c]) continue;
          const auto* place = reinterpret_cast<const uint2*>(x[c] + chunk * chunkElements + block * blockElements);
#pragma unroll
          for (int h = 0; h < together; h++) {
            fours[h][c][0] = __ldg(place + 8 * h);
            fours[h][c][1] = __ldg(place + 8 * h + 4);
          }
        }
        if (block == 0) {
          copiesLeft<Shape::stages - 2>();
          __syncwarp();
          // Into the stage that the turn before has read.
          fill();
        }
#pragma unroll
        for (int h = 0; h < together; h += 2) {
          uint32_t activations[2][columns][4];
#pragma unroll
          for (int c = 0; c < columns; c++) {
            interleave(fours[h][c], activations[0][c]);
            interleave(fours[h + 1][c], activations[1][c]);
          }
          const unsigned char* const place = reading + (block + h) * static_cast<int>(sizeof(Block));
          addBlock<T, Block, columns, true>(place, quarter, activations[0], sums);
          addBlock<T, Block, columns, false>(place + sizeof(Block), quarter, activations[1], sums);
        }
      }
      reading += Shape::stageBytes;
      if (reading >= ringEnd) reading -= Shape::ringBytes;
    }
    chunk -= chunks;

    // The warps' sums, in the order of the warps: lines r and r + 8 of the pass (the two halves of a gated line) by one thread.
    float* const parts = partial + pass % 2 * warps * warpSums<columns>;
#pragma unroll
    for (int c = 0; c < columns; c++) {
      float* const target = parts + warp * warpSums<columns> + c * 128 + group * 8 + quarter * 2;
      *reinterpret_cast<float2*>(target) = {sums[c][0], sums[c][1]};
      *reinterpret_cast<float2*>(target + 64) = {sums[c][2], sums[c][3]};
    }
    __syncthreads();
    for (int item = threadIdx.x; item < columns * 64; item += 32 * warps) {
      const int line = from + pass * lineStep + item % 8;
      const int64_t row = firstRow + item / 8;
      if (row >= product.rows() || line >= to) continue;
      const float* part = parts + item / 64 * 128 + item % 8 * 8 + item / 8 % 8;
      float low = 0, high = 0;
      for (int w = 0; w < warps; w++, part += warpSums<columns>) {
        low += part[0];
        high += part[64];
      }
      if (gated) {
        finishGated(product, row, line, low, high);
      } else {
        finishLine(product, row, line, low);
        if (line + 8 < to) finishLine(product, row, line + 8, high);
      }
    }
  }
}

template <typename T, typename Block, int columns>
bool launchStream(const Call& call, const Product& product) {
  int warps = Stream<Block>::most;
  while (streamBytes<Block, columns>(warps) > call.machine.sharedBytes) warps--;
  const int64_t most = divideUp(product.lines(), product.gated ? 4 : 8), shares = call.machine.multiprocessors * threadBlocks<Block, columns>;
  const dim3 grid(static_cast<unsigned>(divideUp(product.rows(), columns * 8)), static_cast<unsigned>(most < shares ? most : shares));
  return call.launch(streamBlocksKernel<T, Block, columns>, grid, dim3(32 * warps), streamBytes<Block, columns>(warps), product);
}

template <typename T, typename Block>
bool streamBlocks(const Call& call, const Product& product) {
  if (product.rows() <= 8) return launchStream<T, Block, 1>(call, product);
  if (product.rows() <= 16) return launchStream<T, Block, 2>(call, product);
  return launchStream<T, Block, 4>(call, product);
}

}  // namespace whittle::cuda
