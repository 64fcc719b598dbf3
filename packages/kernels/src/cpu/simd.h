// One vector type for all kernels: as many f32 lanes as the instruction set has. Compilers' vector extensions give it the arithmetic
// operators; what they lack is in one file for each width.
#pragma once

#include "vec.h"

#if defined(WHITTLE_AVX512)
#include "vec-avx512.h"
#elif defined(WHITTLE_AVX2)
#include "vec-avx2.h"
#elif defined(WHITTLE_NEON)
#include "vec-neon.h"
#else
#include "vec-portable.h"
#endif

namespace WHITTLE_KERNEL_NAMESPACE {

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

// None is NaN.
WHITTLE_INLINE float largestLane(Vec v) {
#if defined(WHITTLE_AVX512)
  return _mm512_reduce_max_ps(v);
#elif defined(WHITTLE_AVX2)
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
#else
  float largest = v[0];
  for (int64_t i = 1; i < kLanes; i++) largest = v[i] > largest ? v[i] : largest;
  return largest;
#endif
}

WHITTLE_INLINE Vec bitsToFloat(VecInt bits) {
  return reinterpret_cast<Vec>(bits);
}
WHITTLE_INLINE VecInt floatToBits(Vec v) {
  return reinterpret_cast<VecInt>(v);
}

// x·2ⁿ for a whole n from −252 to 254, rounded once.
WHITTLE_INLINE Vec timesPowerOfTwo(Vec x, Vec n) {
#if defined(WHITTLE_AVX512)
  return _mm512_scalef_ps(x, n);
#else
  // In two factors, so that subnormal results form.
  const VecInt exponent = __builtin_convertvector(n, VecInt);
  const VecInt half = exponent >> 1;
  return x * bitsToFloat((half + 127) << 23) * bitsToFloat((exponent - half + 127) << 23);
#endif
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
