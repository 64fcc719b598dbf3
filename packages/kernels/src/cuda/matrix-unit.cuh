// The tensor cores by the type of their numbers.
#pragma once

#include "types.cuh"

namespace whittle::cuda {

// d += a · b, m16n8k16.
template <typename T>
__device__ void matrixMultiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);

template <>
__device__ inline void matrixMultiply<BF16>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mmaBFloat(d, a, b);
}

template <>
__device__ inline void matrixMultiply<F16>(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  mmaHalf(d, a, b);
}

}  // namespace whittle::cuda
