// One vector type for all kernels: as many f32 lanes as the instruction set has. Compilers' vector extensions give it the arithmetic
// operators; what they lack is here, once for AVX2+FMA+F16C and once for any machine.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define WHITTLE_AVX2 1
#endif
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "kernel.h"

#define WHITTLE_INLINE inline __attribute__((always_inline))

namespace WHITTLE_KERNEL_NAMESPACE {

// Four sums, whatever the vector's width.
typedef float Vec4 __attribute__((vector_size(16)));

#ifdef WHITTLE_AVX2

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

#else

typedef float Vec __attribute__((vector_size(16)));
typedef int32_t VecInt __attribute__((vector_size(16)));

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

#endif

constexpr int64_t kLanes = sizeof(Vec) / sizeof(float);

// The first `count` (< kLanes) elements; zeros above.
WHITTLE_INLINE Vec loadPart(const float* p, int64_t count) {
  float lanes[kLanes] = {};
  for (int64_t i = 0; i < count; i++) lanes[i] = p[i];
  return load(lanes);
}
WHITTLE_INLINE void storePart(float* p, Vec v, int64_t count) {
  float lanes[kLanes];
  store(lanes, v);
  for (int64_t i = 0; i < count; i++) p[i] = lanes[i];
}

WHITTLE_INLINE float largestLane(Vec v) {
  float largest = v[0];
  for (int64_t i = 1; i < kLanes; i++) largest = v[i] > largest ? v[i] : largest;
  return largest;
}

WHITTLE_INLINE Vec bitsToFloat(VecInt bits) {
  return reinterpret_cast<Vec>(bits);
}
WHITTLE_INLINE VecInt floatToBits(Vec v) {
  return reinterpret_cast<VecInt>(v);
}

WHITTLE_INLINE int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

WHITTLE_INLINE int64_t roundUp(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// y[i] = f(x[i]) over `count` elements; the last part is padded with zeros.
template <typename F>
WHITTLE_INLINE void mapElements(const float* x, float* y, int64_t count, F f) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, f(load(x + i)));
  if (i < count) storePart(y + i, f(loadPart(x + i, count - i)), count - i);
}
template <typename F>
WHITTLE_INLINE void mapElements(const float* a, const float* b, float* y, int64_t count, F f) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(y + i, f(load(a + i), load(b + i)));
  if (i < count) storePart(y + i, f(loadPart(a + i, count - i), loadPart(b + i, count - i)), count - i);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
