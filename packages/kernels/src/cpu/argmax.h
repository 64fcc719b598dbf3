// The largest number of a row and where it first stands.
#pragma once

#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// The largest number of a row; −∞ if there is none. NaN is never the largest.
inline float largestOfRow(const float* x, int64_t count) {
  const Vec nothing = splat(-__builtin_inff());
  Vec a = nothing, b = nothing;
  int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    a = larger(load(x + i), a);
    b = larger(load(x + i + kLanes), b);
  }
  float largest = largestLane(larger(a, b));
  // By pointers: with an index gcc 12 at -O2 warns of its own unrolled copy of the loop.
  for (const float* rest = x + i; rest < x + count; rest++) largest = *rest > largest ? *rest : largest;
  return largest;
}

// The first index at which x is `value`; −1 if it is nowhere.
inline int64_t indexOf(const float* x, int64_t count, float value) {
  int64_t i = 0;
  const Vec wanted = splat(value);
  for (; i + kLanes <= count; i += kLanes) {
    if (any(load(x + i) == wanted)) break;
  }
  for (; i < count; i++) {
    if (x[i] == value) return i;
  }
  return -1;
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
