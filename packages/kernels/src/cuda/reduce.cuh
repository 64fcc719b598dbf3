// Sums and maxima over the threads of a warp or a block, in an order that depends on nothing but the block's size. All threads take part and all get the
// result.
#pragma once

#include "platform.cuh"

namespace whittle::cuda {

template <typename Real, typename Merge>
__device__ inline Real warpReduce(Real value, Merge merge) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) value = merge(value, __shfl_xor_sync(0xffffffffu, value, distance));
  return value;
}

// Of what each warp has come to, through memory for as many numbers, which nobody reads any more. `none` is what merges with anything to that thing itself.
template <typename Real, typename Merge>
__device__ inline Real mergeWarps(Real value, Real none, Merge merge, Real* parts) {
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  if (lane == 0) parts[warp] = value;
  __syncthreads();
  return warpReduce(lane < warps ? parts[lane] : none, merge);
}

// The block is made of whole warps.
template <typename Real, typename Merge>
__device__ inline Real blockReduce(Real value, Real none, Merge merge) {
  __shared__ Real parts[32];
  value = warpReduce(value, merge);
  if (blockDim.x == 32) return value;
  // The parts of a reduction before may still be being read.
  __syncthreads();
  return mergeWarps(value, none, merge, parts);
}

template <typename Real>
__device__ inline Real blockSum(Real value) {
  return blockReduce(value, Real{0}, [](Real a, Real b) { return a + b; });
}

// The same through memory of its own, for the one sum that a kernel makes of this kind: without a barrier before.
__device__ inline float blockSumIn(float (&parts)[32], float value) {
  const auto add = [](float a, float b) { return a + b; };
  value = warpReduce(value, add);
  return blockDim.x == 32 ? value : mergeWarps(value, 0.0f, add, parts);
}

__device__ inline float blockMax(float value) {
  return blockReduce(value, -INFINITY, [](float a, float b) { return fmaxf(a, b); });
}

}  // namespace whittle::cuda
