// Sixteen lanes: AVX-512 (F, BW, DQ, VL).
#pragma once

#include "vec.h"

namespace WHITTLE_KERNEL_NAMESPACE {

typedef float Vec __attribute__((vector_size(64)));
typedef int32_t VecInt __attribute__((vector_size(64)));

WHITTLE_INLINE Vec load(const float* p) {
  return _mm512_loadu_ps(p);
}
WHITTLE_INLINE void store(float* p, Vec v) {
  _mm512_storeu_ps(p, v);
}
WHITTLE_INLINE Vec splat(float x) {
  return _mm512_set1_ps(x);
}
WHITTLE_INLINE Vec multiplyAdd(Vec a, Vec b, Vec c) {
  return _mm512_fmadd_ps(a, b, c);
}
// The larger of the two; `b` where either is NaN.
WHITTLE_INLINE Vec larger(Vec a, Vec b) {
  return _mm512_max_ps(a, b);
}
// Every second lane of a, then of b: from the first, or from the second on.
WHITTLE_INLINE Vec evenLanes(Vec a, Vec b) {
  return _mm512_permutex2var_ps(a, _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), b);
}
WHITTLE_INLINE Vec oddLanes(Vec a, Vec b) {
  return _mm512_permutex2var_ps(a, _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), b);
}
WHITTLE_INLINE bool any(VecInt mask) {
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask)) != 0;
}

// Within each quarter as AVX2's build does within each half, then the quarters (q0+q2)+(q1+q3): the one order in which lanes are ever
// summed.
WHITTLE_INLINE Vec4 sumLanes(Vec a, Vec b, Vec c, Vec d) {
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  const __m512 quads = _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  const __m256 pairs = _mm256_add_ps(_mm512_castps512_ps256(quads), _mm512_extractf32x8_ps(quads, 1));
  return _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
}
WHITTLE_INLINE float sumLanes(Vec a) {
  return sumLanes(a, a, a, a)[0];
}

// Lane i of column k is lane k of row i; in place.
WHITTLE_INLINE void transposeLanes(Vec* rows) {
  // quads[i][k]: in quarter q lanes 4q + k of rows 4i to 4i + 3.
  __m512 quads[4][4];
  WHITTLE_UNROLL
  for (int i = 0; i < 4; i++) {
    const Vec* four = rows + 4 * i;
    const __m512 low01 = _mm512_unpacklo_ps(four[0], four[1]), high01 = _mm512_unpackhi_ps(four[0], four[1]);
    const __m512 low23 = _mm512_unpacklo_ps(four[2], four[3]), high23 = _mm512_unpackhi_ps(four[2], four[3]);
    quads[i][0] = _mm512_shuffle_ps(low01, low23, 0x44);
    quads[i][1] = _mm512_shuffle_ps(low01, low23, 0xee);
    quads[i][2] = _mm512_shuffle_ps(high01, high23, 0x44);
    quads[i][3] = _mm512_shuffle_ps(high01, high23, 0xee);
  }
  WHITTLE_UNROLL
  for (int k = 0; k < 4; k++) {
    const __m512 low01 = _mm512_shuffle_f32x4(quads[0][k], quads[1][k], 0x44),
                 high01 = _mm512_shuffle_f32x4(quads[0][k], quads[1][k], 0xee);
    const __m512 low23 = _mm512_shuffle_f32x4(quads[2][k], quads[3][k], 0x44),
                 high23 = _mm512_shuffle_f32x4(quads[2][k], quads[3][k], 0xee);
    rows[k] = _mm512_shuffle_f32x4(low01, low23, 0x88);
    rows[4 + k] = _mm512_shuffle_f32x4(low01, low23, 0xdd);
    rows[8 + k] = _mm512_shuffle_f32x4(high01, high23, 0x88);
    rows[12 + k] = _mm512_shuffle_f32x4(high01, high23, 0xdd);
  }
}

// Lanes so that sumLanes adds neighbours, then neighbouring sums, and so on.
constexpr int kLaneOrder[] = {0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15};

}  // namespace WHITTLE_KERNEL_NAMESPACE
