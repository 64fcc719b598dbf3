// Running sums over the threads of a warp or a block, always in the same order.
#pragma once

#include "platform.cuh"

namespace whittle::cuda {

// The sum of this lane's value and those of the lanes before it.
__device__ inline double warpPrefix(double value) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const double before = __shfl_up_sync(0xffffffffu, value, distance);
    if (lane >= distance) value += before;
  }
  return value;
}

// The sum of the values of the threads before this one; `total` is that of all. The block is made of whole warps.
__device__ inline double blockPrefix(double value, double& total) {
  __shared__ double sums[32];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const double through = warpPrefix(value);
  // The sums of a call before may still be being read.
  __syncthreads();
  if (lane == 31) sums[warp] = through;
  __syncthreads();
  const double throughWarps = warpPrefix(lane < warps ? sums[lane] : 0);
  total = __shfl_sync(0xffffffffu, throughWarps, 31);
  return __shfl_sync(0xffffffffu, throughWarps, warp) - sums[warp] + (through - value);
}

}  // namespace whittle::cuda
