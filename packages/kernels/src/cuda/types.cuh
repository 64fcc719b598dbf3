// Stored numbers and their conversion. Kernels compute in f32.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../runtime/tensor.h"
#include "platform.cuh"

#ifndef WHITTLE_CUDA_EMULATED
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace whittle::cuda {

// Two bytes each; what they hold is known by `toFloat` and `fromFloat` alone.
struct alignas(2) F16 {
  uint16_t bits;
};
struct alignas(2) BF16 {
  uint16_t bits;
};

__device__ inline float toFloat(float value) {
  return value;
}

__device__ inline float toFloat(BF16 value) {
  return __uint_as_float(static_cast<uint32_t>(value.bits) << 16);
}

__device__ inline float toFloat(F16 value) {
  return halfToFloat(value.bits);
}

// Rounds to nearest, ties to even.
template <typename T>
__device__ T fromFloat(float value);

template <>
__device__ inline float fromFloat<float>(float value) {
  return value;
}

template <>
__device__ inline BF16 fromFloat<BF16>(float value) {
  return {floatToBFloat(value)};
}

template <>
__device__ inline F16 fromFloat<F16>(float value) {
  return {floatToHalf(value)};
}

// Two of 16 bits, the first in the lower half.
template <typename T>
__device__ inline void unpack(uint32_t pair, float& low, float& high);

template <>
__device__ inline void unpack<BF16>(uint32_t pair, float& low, float& high) {
  low = __uint_as_float(pair << 16);
  high = __uint_as_float(pair & 0xffff0000u);
}

template <>
__device__ inline void unpack<F16>(uint32_t pair, float& low, float& high) {
  low = halfToFloat(static_cast<uint16_t>(pair));
  high = halfToFloat(static_cast<uint16_t>(pair >> 16));
}

// Rounded as by `fromFloat`.
template <typename T>
__device__ inline uint32_t packed(float low, float high) {
  return std::is_same_v<T, BF16> ? packBFloats(low, high) : packHalfs(low, high);
}

// Sums of two pairs, each rounded once: to the bit what adding in f32 and rounding to T gives, as an f32 holds all bits of such a sum that T can tell apart.
template <typename T>
__device__ inline uint32_t addPairs(uint32_t a, uint32_t b) {
  constexpr uint32_t signs = 0x80008000u;
  return std::is_same_v<T, BF16> ? subtractBFloats(a, b ^ signs) : subtractHalfs(a, b ^ signs);
}

// `count` elements as one access of count · sizeof(T) bytes (at most 16), aligned to its size.
template <typename T, int count>
struct alignas(sizeof(T) * count) Pack {
  T item[count];
};

template <typename T>
constexpr int packSize = 16 / sizeof(T);

// Calls `body.template operator()<T>()` with the type that a float dtype is stored as.
template <typename Body>
auto withFloatType(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::f16:
      return body.template operator()<F16>();
    case DType::bf16:
      return body.template operator()<BF16>();
    default:
      return body.template operator()<float>();
  }
}

}  // namespace whittle::cuda
