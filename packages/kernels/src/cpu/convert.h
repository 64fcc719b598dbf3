// Stored numbers (f32, f16, bf16) as f32 vectors, exactly, and back, rounded to nearest even.
#pragma once

#include <cstdint>
#include <cstring>

#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

WHITTLE_INLINE float bitsToFloat(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
WHITTLE_INLINE uint32_t floatToBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// A format says how one stored element, a vector of them, and its rounding look.
struct F32 {
  using Stored = float;
  static constexpr DType dtype = DType::f32;
  static WHITTLE_INLINE float decode(Stored x) { return x; }
  static WHITTLE_INLINE Stored encode(float x) { return x; }
  static WHITTLE_INLINE Vec loadVec(const Stored* p) { return load(p); }
};

struct Bf16 {
  using Stored = uint16_t;
  static constexpr DType dtype = DType::bf16;
  static WHITTLE_INLINE float decode(Stored x) { return bitsToFloat(static_cast<uint32_t>(x) << 16); }
  static WHITTLE_INLINE Stored encode(float x) {
    if (x != x) return 0x7fc0;
    const uint32_t bits = floatToBits(x);
    return static_cast<Stored>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
  }
  static WHITTLE_INLINE Vec loadVec(const Stored* p) {
#if defined(WHITTLE_AVX512)
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
#elif defined(WHITTLE_AVX2)
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
#elif defined(WHITTLE_NEON)
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
#else
    return Vec{decode(p[0]), decode(p[1]), decode(p[2]), decode(p[3])};
#endif
  }
};

struct F16 {
  using Stored = uint16_t;
  static constexpr DType dtype = DType::f16;
  static WHITTLE_INLINE float decode(Stored x) {
    // The exponent is 112 too small once the fields stand where f32 has them; a multiplication sets it right, also for subnormal numbers.
    const uint32_t sign = static_cast<uint32_t>(x & 0x8000) << 16;
    const uint32_t fields = static_cast<uint32_t>(x & 0x7fff) << 13;
    if (fields >= 0x0f800000) return bitsToFloat(sign | 0x7f800000 | (fields & 0x007fffff));
    return bitsToFloat(sign | floatToBits(bitsToFloat(fields) * 0x1p112f));
  }
  static WHITTLE_INLINE Stored encode(float x) {
    const uint32_t bits = floatToBits(x);
    const uint32_t sign = (bits >> 16) & 0x8000;
    const uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return 0x7e00;
    if (magnitude >= 0x477ff000) return static_cast<Stored>(sign | 0x7c00);  // 65520 and above round to infinity
    if (magnitude < 0x38800000) {
      // Adding one half leaves the subnormal's bits, rounded to even, at the bottom of the sum.
      return static_cast<Stored>(sign | (floatToBits(bitsToFloat(magnitude) + 0.5f) - 0x3f000000));
    }
    const uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
    return static_cast<Stored>(sign | ((rounded - 0x38000000) >> 13));
  }
  static WHITTLE_INLINE Vec loadVec(const Stored* p) {
#if defined(WHITTLE_AVX512)
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
#elif defined(WHITTLE_AVX2)
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif defined(WHITTLE_NEON)
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
#else
    return Vec{decode(p[0]), decode(p[1]), decode(p[2]), decode(p[3])};
#endif
  }
};

// The first `count` (less than a vector has) elements; zeros above.
template <typename Format>
WHITTLE_INLINE Vec loadPart(const typename Format::Stored* p, int64_t count) {
  float lanes[kLanes] = {};
  for (int64_t i = 0; i < count; i++) lanes[i] = Format::decode(p[i]);
  return load(lanes);
}

// Elements of a vector.
template <typename Format>
constexpr int64_t kElements = kLanes;

// sums + a · b for vectors of x and of a weight.
template <typename X>
WHITTLE_INLINE Vec addProducts(Vec a, Vec b, Vec sums) {
  return multiplyAdd(a, b, sums);
}

#ifdef WHITTLE_AVX512_BF16
// Two neighbours to a lane, as they are stored. On both sides of a product: the instruction adds that of the second, then that of the
// first, each rounded once; subnormal numbers are zero to it, and so are its subnormal sums.
struct Bf16Pairs {
  using Stored = uint16_t;
  static constexpr DType dtype = DType::bf16;
  // In halves: rows of a file seldom begin on a cache line, and a Zen 5 that waits for two lines with one load reads memory a fifth slower.
  static WHITTLE_INLINE Vec loadVec(const Stored* p) {
    const __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_inserti64x4(low, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + kLanes)), 1));
  }
};

template <>
constexpr int64_t kElements<Bf16Pairs> = 2 * kLanes;

template <>
WHITTLE_INLINE Vec loadPart<Bf16Pairs>(const uint16_t* p, int64_t count) {
  const __mmask32 present = (uint32_t{1} << count) - 1;
  return _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(present, p));
}

template <>
WHITTLE_INLINE Vec addProducts<Bf16Pairs>(Vec a, Vec b, Vec sums) {
  return _mm512_dpbf16_ps(sums, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
#endif

template <typename Format>
inline void decodeRow(const typename Format::Stored* source, float* target, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) store(target + i, Format::loadVec(source + i));
  for (; i < count; i++) target[i] = Format::decode(source[i]);
}

template <typename Format>
inline void encodeRow(const float* source, typename Format::Stored* target, int64_t count) {
  int64_t i = 0;
#if defined(WHITTLE_AVX2) || defined(WHITTLE_NEON)
  if constexpr (Format::dtype == DType::f16) {
    for (; i + kLanes <= count; i += kLanes) {
      const Vec v = load(source + i);
      if (any(v != v)) break;  // the instruction would keep a NaN's payload; the scalar path stores the one NaN we use
#if defined(WHITTLE_AVX512)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(target + i), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
#elif defined(WHITTLE_NEON)
      vst1_u16(target + i, vreinterpret_u16_f16(vcvt_f16_f32(v)));
#else
      _mm_storeu_si128(reinterpret_cast<__m128i*>(target + i), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
#endif
    }
  }
#endif
  for (; i < count; i++) target[i] = Format::encode(source[i]);
}

// Calls body(format) with the format of a floating-point dtype.
template <typename Body>
WHITTLE_INLINE auto withFormat(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::f16:
      return body(F16{});
    case DType::bf16:
      return body(Bf16{});
    default:
      return body(F32{});
  }
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
