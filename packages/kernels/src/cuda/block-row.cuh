// Products of one row with q4_0 weights, for activations of 16 bits: as those of up to 8 rows (block-stream.cuh), in 3/5 of the instructions, and without an end of
// each pass. (Of q8_0, with twice the bytes, it was no faster on an H100: memory had no more to give.)
//
// A lane takes its codes of a row of weights as subnormal floats (block-inputs.cuh) and multiplies on the tensor cores, where 16 lines are the rows and the eight blocks of
// a chunk the columns: x of a block stands in the column of that block, zeros in the others. So the sums over eight blocks are formed, and scaled in f32, together.
#pragma once

#include "block-inputs.cuh"
#include "block-rounds.cuh"

namespace whittle::cuda {

using RowRing = BlockRing<Q4Block, 4>;

constexpr int mostRowWarps = 8;

// Passes whose sums stay.
constexpr int rowRoom = 16;

inline int rowSharedBytes(int warps, int64_t depth) {
  return warps * RowRing::bytes + Rounds::bytes(rowRoom, warps) + inputBytes(depth);
}

// A sum that is not finite, or was not on the way, as it is without subnormals.
template <typename T>
__device__ inline float settledSum(const Product& product, float sum, int line, int half) {
  constexpr float largest = 3.402823466e38f;
  if (fabsf(sum) <= largest) return sum;
  const auto* const blocks = static_cast<const Q4Block*>(weightRow(product, line, half));
  const auto* const x = product.x.row<const T>(0);
  sum = 0;
#pragma unroll 1
  for (int k = 0; k < product.depth(); k++) sum = fmaf(toFloat(x[k]), elementOf(blocks[k / blockElements], k % blockElements), sum);
  return sum;
}

template <typename T>
__global__ void __launch_bounds__(32 * mostRowWarps, threadBlocks) multiplyRowKernel(const __grid_constant__ Product product) {
  constexpr int blockBytes = static_cast<int>(sizeof(Q4Block)), below = 8 * RowRing::rowBytes;
  WHITTLE_SHARED(shared);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = lane / 4, quarter = lane % 4;
  const int warps = static_cast<int>(blockDim.x) / 32, chunks = static_cast<int>(product.depth()) / chunkElements;
  const Share share(product);
  RowRing ring(product, share, shared + warp * RowRing::bytes, warp, warps);
  Rounds rounds(product, share, shared + warps * RowRing::bytes, rowRoom);
  unsigned char* const inputs = shared + warps * RowRing::bytes + Rounds::bytes(rowRoom, warps);

  // Settled weights are on their way before the kernels before this one have ended.
  if (product.weightsSettled) ring.begin();
  afterPrevious();
  if (!product.weightsSettled) ring.begin();
  loadInputs<T>(product, inputs);
  __syncthreads();

  const auto* const pieces = reinterpret_cast<const uint4*>(inputs) + lane;
  const auto* const columns = reinterpret_cast<const float4*>(inputs + 2 * product.depth()) + quarter;
  // Zeros stay where a lane's column is another block's.
  uint32_t x[chunkBlocks][4] = {};
  int chunk = warp;
#pragma unroll 1
  for (int pass = 0; pass < share.passes; pass++) {
    float low = 0, high = 0;
#pragma unroll 1
    for (; chunk < chunks; chunk += warps) {
      const unsigned char* const weights = ring.next() + group * RowRing::rowBytes;
#pragma unroll
      for (int block = 0; block < chunkBlocks; block++) {
        if (group != block) continue;
        const uint4 piece = pieces[32 * chunk];
        x[block][0] = piece.x;
        x[block][1] = piece.y;
        x[block][2] = piece.z;
        x[block][3] = piece.w;
      }
      // Start and unit of this lane's two columns.
      const float4 column = columns[4 * chunk];
      float first[4] = {column.x, column.z, column.x, column.z}, second[4] = {};
#pragma unroll
      for (int block = 0; block < chunkBlocks; block++) {
        const unsigned char* const codes = weights + block * blockBytes + 2 + 4 * quarter;
        uint32_t a[4], b[4];
        if (block % 2 == 0) {
          loadSubnormals<true>(codes, a);
          loadSubnormals<true>(codes + below, b);
        } else {
          loadSubnormals<false>(codes, a);
          loadSubnormals<false>(codes + below, b);
        }
        matrixMultiply<T>(first, {a[0], b[0], a[1], b[1]}, {x[block][0], x[block][1]});
        matrixMultiply<T>(second, {a[2], b[2], a[3], b[3]}, {x[block][2], x[block][3]});
      }
      const auto scale = [&](int place) { return halfToFloat(*reinterpret_cast<const uint16_t*>(weights + 2 * quarter * blockBytes + place)); };
      low = fmaf(scale(0) * column.y, fmaf(second[0], 1 / highNibble, first[0]), low);
      low = fmaf(scale(blockBytes) * column.w, fmaf(second[1], 1 / highNibble, first[1]), low);
      high = fmaf(scale(below) * column.y, fmaf(second[2], 1 / highNibble, first[2]), high);
      high = fmaf(scale(below + blockBytes) * column.w, fmaf(second[3], 1 / highNibble, first[3]), high);
    }
    chunk -= chunks;

    low = sumOfQuad(low);
    high = sumOfQuad(high);
    if (quarter == 0) {
      float* const sums = rounds.sumsOf(0) + group;
      sums[0] = low;
      sums[8] = high;
    }
    rounds.endPass(pass, [&](float sum, int line, int half) { return settledSum<T>(product, sum, line, half); });
  }
}

// Warps of a block for which there is room.
inline int rowWarps(const Call& call, const Product& product) {
  int warps = mostRowWarps;
  // Of what a multiprocessor has, each block takes 1 KiB more than it asks for.
  while (warps > 0 && rowSharedBytes(warps, product.depth()) > (call.machine.sharedBytes + 1024) / threadBlocks - 1024) warps--;
  return warps;
}

// With half the warps it would not be faster. Of the GPUs that there are, a Hopper is the one on which products of subnormals were seen to be right.
inline bool blocksPassRow(const Call& call, const Product& product) {
  return call.machine.capability == 90 && product.rows() == 1 && product.weight[0].dtype == DType::q4_0 && blocksAligned(product) && rowWarps(call, product) > mostRowWarps / 2;
}

template <typename T>
bool multiplyRow(const Call& call, const Product& product) {
  const int warps = rowWarps(call, product);
  return call.launch(multiplyRowKernel<T>, sharesOf(call, product), dim3(32 * warps), rowSharedBytes(warps, product.depth()), product);
}

}  // namespace whittle::cuda
