// Rows that are moved and never looked at, in the widest units that their places and lengths allow.
#pragma once

#include "elementwise.cuh"

namespace whittle::cuda {

// The largest of 16, 8, 4, 2 and 1 that divides the place and length in bytes of every row of `tensor`.
inline int64_t unitOf(const Tensor& tensor) {
  const uint64_t bits = 16 | reinterpret_cast<uintptr_t>(tensor.data) | static_cast<uint64_t>(bytesOf(tensor.dtype, tensor.columns())) |
                        (tensor.rows() > 1 ? static_cast<uint64_t>(bytesOf(tensor.dtype, tensor.rowStride)) : 0);
  return static_cast<int64_t>(bits & (~bits + 1));
}

// Row `row` as units of type U.
template <typename U>
__device__ inline U* unitsOf(const Tensor& tensor, int64_t row) {
  return reinterpret_cast<U*>(static_cast<char*>(tensor.data) + bytesOf(tensor.dtype, row * tensor.rowStride));
}

// Calls `body.template operator()<U>()` with a type of `unit` bytes.
template <typename Body>
bool withUnit(int64_t unit, Body&& body) {
  switch (unit) {
    case 16:
      return body.template operator()<uint4>();
    case 8:
      return body.template operator()<uint2>();
    case 4:
      return body.template operator()<uint32_t>();
    case 2:
      return body.template operator()<uint16_t>();
    default:
      return body.template operator()<uint8_t>();
  }
}

}  // namespace whittle::cuda
