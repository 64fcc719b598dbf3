// What a block of `attendTilesKernel` keeps in shared memory, and the 16-bit words in it.
#pragma once

#include "attend-keys.cuh"

namespace whittle::cuda {

constexpr int tileKeys = 64;
constexpr int tileWarps = 4;

// What differs between the 16-bit types.
template <typename T>
struct HalfWords;

template <>
struct HalfWords<BF16> {
  static constexpr uint32_t exponent = 0x7f80;
  static __device__ uint32_t pack(float low, float high) { return packBFloats(low, high); }
  static __device__ void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) { mmaBFloat(d, a, b); }
};

template <>
struct HalfWords<F16> {
  static constexpr uint32_t exponent = 0x7c00;
  static __device__ uint32_t pack(float low, float high) { return packHalfs(low, high); }
  static __device__ void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) { mmaHalf(d, a, b); }
};

// Which halves of a word are infinite or NaN, as a mask of their bits.
template <typename T>
__device__ inline uint32_t notFinite(uint32_t word) {
  constexpr uint32_t low = HalfWords<T>::exponent, high = low << 16;
  return ((word & low) == low ? 0xffffu : 0) | ((word & high) == high ? 0xffff0000u : 0);
}

// What some rows see of a run's keys: any of them keys of [first, reach) only, all of them [allFrom, allEnd).
struct TileReach {
  int32_t first;
  int32_t reach;
  int32_t allFrom;
  int32_t allEnd;
};

template <typename T, int dim, int atoms>
struct TileMemory {
  static constexpr int rows = 16 * atoms * tileWarps;
  // A row's padding sets the rows of an 8 x 8 matrix apart in the banks.
  static constexpr int stride = dim + 8;

  T queries[rows * stride];
  T keys[2][tileKeys * stride];
  T values[2][tileKeys * stride];
  SeenKeys seen[rows];
  int32_t slots[2][tileKeys];
  TileReach reach[tileWarps];
};

}  // namespace whittle::cuda
