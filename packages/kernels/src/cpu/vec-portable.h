// Four lanes, for any machine.
#pragma once

#include "vec-four.h"

namespace WHITTLE_KERNEL_NAMESPACE {

WHITTLE_INLINE Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
WHITTLE_INLINE void store(float* p, Vec v) {
  std::memcpy(p, &v, sizeof v);
}
WHITTLE_INLINE Vec splat(float x) {
  return Vec{x, x, x, x};
}
WHITTLE_INLINE Vec multiplyAdd(Vec a, Vec b, Vec c) {
  return a * b + c;
}
// The larger of the two; `b` where either is NaN.
WHITTLE_INLINE Vec larger(Vec a, Vec b) {
  return a > b ? a : b;
}
// Every second lane of a, then of b: from the first, or from the second on.
WHITTLE_INLINE Vec evenLanes(Vec a, Vec b) {
  return Vec{a[0], a[2], b[0], b[2]};
}
WHITTLE_INLINE Vec oddLanes(Vec a, Vec b) {
  return Vec{a[1], a[3], b[1], b[3]};
}
WHITTLE_INLINE bool any(VecInt mask) {
  return (mask[0] | mask[1] | mask[2] | mask[3]) != 0;
}

// (v0+v1)+(v2+v3) of each: the one order in which lanes are ever summed.
WHITTLE_INLINE float sumLanes(Vec a) {
  return (a[0] + a[1]) + (a[2] + a[3]);
}
WHITTLE_INLINE Vec4 sumLanes(Vec a, Vec b, Vec c, Vec d) {
#ifdef __SSE2__
  const __m128 ab01 = _mm_unpacklo_ps(a, b), ab23 = _mm_unpackhi_ps(a, b);
  const __m128 cd01 = _mm_unpacklo_ps(c, d), cd23 = _mm_unpackhi_ps(c, d);
  const __m128 first = _mm_add_ps(_mm_movelh_ps(ab01, cd01), _mm_movehl_ps(cd01, ab01));
  const __m128 second = _mm_add_ps(_mm_movelh_ps(ab23, cd23), _mm_movehl_ps(cd23, ab23));
  return _mm_add_ps(first, second);
#else
  return Vec4{sumLanes(a), sumLanes(b), sumLanes(c), sumLanes(d)};
#endif
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
