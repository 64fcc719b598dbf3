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
WHITTLE_INLINE bool any(VecInt mask) {
  return _mm512_movepi32_mask(reinterpret_cast<__m512i>(mask)) != 0;
}

// The upper eight lanes fall on the lower eight, which are then summed as in AVX2's build: the one order in which lanes are ever summed.
WHITTLE_INLINE __m256 foldHalves(Vec v) {
  return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
}
WHITTLE_INLINE Vec4 sumLanes(Vec a, Vec b, Vec c, Vec d) {
  const __m256 a8 = foldHalves(a), b8 = foldHalves(b), c8 = foldHalves(c), d8 = foldHalves(d);
  const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a8, b8), _mm256_unpackhi_ps(a8, b8));
  const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c8, d8), _mm256_unpackhi_ps(c8, d8));
  const __m256 quads = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
  return _mm_add_ps(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1));
}
WHITTLE_INLINE float sumLanes(Vec a) {
  return sumLanes(a, a, a, a)[0];
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
