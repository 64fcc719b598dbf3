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

// Lane i of column k is lane k of row i; in place.
WHITTLE_INLINE void transposeLanes(Vec* rows) {
  // quads[i][k]: in half h lanes 4h + k of rows 4i to 4i + 3.
  __m256 quads[2][4];
  WHITTLE_UNROLL
  for (int i = 0; i < 2; i++) {
    const Vec* four = rows + 4 * i;
    const __m256 low01 = _mm256_unpacklo_ps(four[0], four[1]), high01 = _mm256_unpackhi_ps(four[0], four[1]);
    const __m256 low23 = _mm256_unpacklo_ps(four[2], four[3]), high23 = _mm256_unpackhi_ps(four[2], four[3]);
    quads[i][0] = _mm256_shuffle_ps(low01, low23, 0x44);
    quads[i][1] = _mm256_shuffle_ps(low01, low23, 0xee);
    quads[i][2] = _mm256_shuffle_ps(high01, high23, 0x44);
    quads[i][3] = _mm256_shuffle_ps(high01, high23, 0xee);
  }
  WHITTLE_UNROLL
  for (int k = 0; k < 4; k++) {
    rows[k] = _mm256_permute2f128_ps(quads[0][k], quads[1][k], 0x20);
    rows[4 + k] = _mm256_permute2f128_ps(quads[0][k], quads[1][k], 0x31);
  }
}

// Lanes so that sumLanes adds neighbours, then neighbouring sums, and so on.
constexpr int kLaneOrder[] = {0, 2, 1, 3, 4, 6, 5, 7};

}  // namespace WHITTLE_KERNEL_NAMESPACE
