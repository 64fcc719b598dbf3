// Products of up to 8 rows with block weights at the speed of memory, for activations of 16 bits.
//
// A block of threads takes an equal share of the lines and passes 16 of them at a time (of a gated product 8 of each half). Its warps take turns
// along the depth, in chunks of eight blocks (256 elements), which are a multiple of 16 bytes: each copies its chunks of the 16 rows into a ring
// of its own in shared memory, several ahead, across the borders of passes, so that the stream from memory never stops. From there a lane takes
// four codes at a time, makes 16-bit floats of them (exactly) and multiplies on the tensor cores, where the 16 lines are the rows and up to eight
// activation rows the columns: eight rows cost what one costs. The elements of a block are taken in the order that suits the lanes, the same for
// weights and activations. The sum over a block is scaled in f32, and the warps' sums are added in order at the end of a pass.
//
// It could be written with block-ring.cuh and block-rounds.cuh, as the product of one row is, with the same bits; measured on an H100, that was up to 8 % slower at 8 rows
// (q8_0, 11008 x 4096: 28.2 us against 26.2) and up to 5 % faster at one.
#pragma once

#include "block-ring.cuh"

namespace whittle::cuda {

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

// Floats that a warp's sums take, twice, as two passes may be under way.
constexpr int warpSums = passLines * 8;

template <typename Block>
constexpr int streamBytes(int warps) {
  return warps * (Stream<Block>::ringBytes + 2 * warpSums * static_cast<int>(sizeof(float)));
}

// Rows of x that it takes.
constexpr int streamedRows = 8;

template <typename Block>
bool blocksStream(const Call& call, const Product& product) {
  return product.rows() <= streamedRows && blocksAligned(product) && streamBytes<Block>(1) <= call.machine.sharedBytes;
}

template <typename T, typename Block>
__global__ void __launch_bounds__(32 * Stream<Block>::most, threadBlocks)
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
  const int from = static_cast<int>(lines * blockIdx.x / gridDim.x), to = static_cast<int>(lines * (blockIdx.x + 1) / gridDim.x);
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
  const auto begin = [&] {
#pragma unroll 1
    for (int stage = 0; stage < Shape::stages - 1; stage++) fill();
  };
  // Settled weights are on their way before the kernels before this one have ended.
  if (product.weightsSettled) begin();
  afterPrevious();
  if (!product.weightsSettled) begin();

  // This lane's elements of the activations.
  const auto* const x = group < product.rows() ? product.x.row<const T>(group) + 4 * quarter : nullptr;

  const unsigned char* reading = ring + group * Shape::rowBytes;
  int chunk = warp;
  for (int pass = 0; pass < passes; pass++) {
    float sums[1][4] = {};
    for (; chunk < chunks; chunk += warps) {
      // Asked for together, and before its weights have arrived.
      uint2 fours[chunkBlocks][2] = {};
      if (x) {
        const auto* const place = reinterpret_cast<const uint2*>(x + chunk * chunkElements);
#pragma unroll
        for (int block = 0; block < chunkBlocks; block++) {
          fours[block][0] = __ldg(place + 8 * block);
          fours[block][1] = __ldg(place + 8 * block + 4);
        }
      }
      copiesLeft<Shape::stages - 2>();
      __syncwarp();
      // Into the stage that the turn before has read.
      fill();
#pragma unroll
      for (int block = 0; block < chunkBlocks; block += 2) {
        uint32_t activations[2][1][4];
        interleave(fours[block], activations[0][0]);
        interleave(fours[block + 1], activations[1][0]);
        const unsigned char* const place = reading + block * static_cast<int>(sizeof(Block));
        addBlock<T, Block, 1, 8 * Shape::rowBytes, true>(place, quarter, activations[0], sums);
        addBlock<T, Block, 1, 8 * Shape::rowBytes, false>(place + sizeof(Block), quarter, activations[1], sums);
      }
      reading += Shape::stageBytes;
      if (reading >= ringEnd) reading -= Shape::ringBytes;
    }
    chunk -= chunks;

    // The warps' sums, in the order of the warps: lines r and r + 8 of the pass (the two halves of a gated line) by one thread.
    float* const parts = partial + pass % 2 * warps * warpSums;
    float* const target = parts + warp * warpSums + group * 8 + quarter * 2;
    *reinterpret_cast<float2*>(target) = {sums[0][0], sums[0][1]};
    *reinterpret_cast<float2*>(target + 64) = {sums[0][2], sums[0][3]};
    __syncthreads();
    for (int item = threadIdx.x; item < 64; item += 32 * warps) {
      const int line = from + pass * lineStep + item % 8;
      const int64_t row = item / 8;
      if (row >= product.rows() || line >= to) continue;
      const float* part = parts + item % 8 * 8 + item / 8;
      float low = 0, high = 0;
      for (int w = 0; w < warps; w++, part += warpSums) {
        low += part[0];
        high += part[64];
      }
      finishPair(product, row, line, to, low, high);
    }
  }
}

template <typename T, typename Block>
bool streamBlocks(const Call& call, const Product& product) {
  int warps = Stream<Block>::most;
  while (streamBytes<Block>(warps) > call.machine.sharedBytes) warps--;
  return call.launch(streamBlocksKernel<T, Block>, sharesOf(call, product), dim3(32 * warps), streamBytes<Block>(warps), product);
}

}  // namespace whittle::cuda
