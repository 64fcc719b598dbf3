// The words that CUDA adds to C++.
#pragma once

#include <cstdint>

#include "vectors.h"

// Exported, so that an error can name the kernel.
#define __global__ __attribute__((visibility("default"), noinline))
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
// A block runs from beginning to end on one thread of the CPU. Not poisoned as dynamic shared memory is.
#define __shared__ static thread_local
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)
#define __grid_constant__

// Set by the scheduler whenever it goes on with a thread.
inline constinit thread_local uint3 threadIdx{};
inline constinit thread_local uint3 blockIdx{};
inline constinit thread_local dim3 blockDim{};
inline constinit thread_local dim3 gridDim{};
constexpr int warpSize = 32;
