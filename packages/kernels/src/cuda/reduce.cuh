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

// `none` is what merges with anything to that thing itself. The block is made of whole warps.
template <typename Real, typename Merge>
__device__ inline Real blockReduce(Real value, Real none, Merge merge) {
  __shared__ Real parts[32];
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  value = warpReduce(value, merge);
  if (warps == 1) return value;
  // The parts of a reduction before may still be being read.
  __syncthreads();
  if (lane == 0) parts[warp] = value;
  __syncthreads();
  return warpReduce(lane < warps ? parts[lane] : none, merge);
}

template <typename Real>
__device__ inline Real blockSum(Real value) {
  return blockReduce(value, Real{0}, [](Real a, Real b) { return a + b; });
}

__device__ inline float blockMax(float value) {
  return blockReduce(value, -INFINITY, [](float a, float b) { return fmaxf(a, b); });
}

}  // namespace whittle::cuda
