// Sums over the lanes of a vector where each lane's share is formed apart, a vector of independent sums at a time.
#pragma once

#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Vectors that the registers hold.
#if defined(WHITTLE_AVX512) || defined(WHITTLE_NEON)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

// sums[i] = Σ part(lane)[i] over lanes, added as sumLanes adds them, for N sums at a time. part(lane, sums) gives those of one lane.
template <int N, typename Part>
WHITTLE_INLINE void sumInLaneOrder(Vec* sums, const Part& part) {
  constexpr int steps = static_cast<int>(kLanes) / 2;
  constexpr bool crowded = 3 * N > kRegisters;
  // Sums of 2, 4, ... lanes that wait for their neighbours.
  Vec waiting[4][N];
  for (int step = 0; step < steps; step++) {
    Vec one[N], more[N];
    part(kLaneOrder[2 * step], one);
    // Where both do not fit the registers, the compiler would save the first lane's sums twice.
    if constexpr (crowded) asm volatile("" : "+m"(one));
    part(kLaneOrder[2 * step + 1], more);
    WHITTLE_UNROLL
    for (int i = 0; i < N; i++) more[i] = one[i] + more[i];
    int level = 0;
    for (int rest = step; rest & 1; rest >>= 1, level++) {
      WHITTLE_UNROLL
      for (int i = 0; i < N; i++) more[i] = waiting[level][i] + more[i];
    }
    if (!crowded || step + 1 < steps) {
      WHITTLE_UNROLL
      for (int i = 0; i < N; i++) waiting[level][i] = more[i];
    }
    if (!crowded || step + 1 == steps) {
      WHITTLE_UNROLL
      for (int i = 0; i < N; i++) sums[i] = more[i];
    }
  }
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
