// Eight lanes: AVX2 with FMA and F16C.
#pragma once

#include "vec.h"

namespace WHITTLE_KERNEL_NAMESPACE {

typedef float Vec __attribute__((vector_size(32)));
typedef int32_t VecInt __attribute__((vector_size(32)));

WHITTLE_INLINE Vec load(const float* p) {
  return _mm256_loadu_ps(p);
}
WHITTLE_INLINE void store(float* p, Vec v) {
  _mm256_storeu_ps(p, v);
}
WHITTLE_INLINE Vec splat(float x) {
  return _mm256_set1_ps(x);
}
WHITTLE_INLINE Vec multiplyAdd(Vec a, Vec b, Vec c) {
  return _mm256_fmadd_ps(a, b, c);
}
// The larger of the two; `b` where either is NaN.
WHITTLE_INLINE Vec larger(Vec a, Vec b) {
  return _mm256_max_ps(a, b);
}
// Every second lane of a, then of b: from the first, or from the second on.
WHITTLE_INLINE Vec evenLanes(Vec a, Vec b) {
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88)), 0xd8));
}
WHITTLE_INLINE Vec oddLanes(Vec a, Vec b) {
  return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd)), 0xd8));
}
WHITTLE_INLINE bool any(VecInt mask) {
  return _mm256_movemask_ps(_mm256_castsi256_ps(reinterpret_cast<__m256i>(mask))) != 0;
}

// ((v0+v2)+(v1+v3)) + ((v4+v6)+(v5+v7)) of each: the one order in which lanes are ever summed.
WHITTLE_INLINE Vec4 sumLanes(Vec a, Vec b, Vec c, Vec d) {
  const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
  const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
  const __m256 quads = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  return _mm_add_ps(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1));
}
WHITTLE_INLINE float sumLanes(Vec a) {
  return ((a[0] + a[2]) + (a[1] + a[3])) + ((a[4] + a[6]) + (a[5] + a[7]));
}

// Lanes so that sumLanes adds neighbours, then neighbouring sums, and so on.
constexpr int kLaneOrder[] = {0, 2, 1, 3, 4, 6, 5, 7};

}  // namespace WHITTLE_KERNEL_NAMESPACE
