// Stored elements that lie side by side, spread over the lanes that a mask names; zeros in the others.
#pragma once

#include "convert.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// 8-bit codes, not yet scaled.
struct I8 {
  using Stored = int8_t;
  static constexpr DType dtype = DType::i8;
  static WHITTLE_INLINE float decode(Stored x) { return static_cast<float>(x); }
  static WHITTLE_INLINE Vec loadVec(const Stored* p) {
#if defined(WHITTLE_AVX512)
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#elif defined(WHITTLE_AVX2)
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#else
    return Vec{decode(p[0]), decode(p[1]), decode(p[2]), decode(p[3])};
#endif
  }
};

// kLanes / 2 elements in the lower lanes; what is above them is undefined.
template <typename Format>
WHITTLE_INLINE Vec loadHalf(const typename Format::Stored* p) {
#if defined(WHITTLE_AVX512)
  __m256 half;
  if constexpr (Format::dtype == DType::f32) {
    half = _mm256_loadu_ps(p);
  } else if constexpr (Format::dtype == DType::i8) {
    half = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  } else {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    if constexpr (Format::dtype == DType::f16) {
      half = _mm256_cvtph_ps(halves);
    } else {
      half = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
    }
  }
  return _mm512_castps256_ps512(half);
#elif defined(WHITTLE_AVX2)
  __m128 half;
  if constexpr (Format::dtype == DType::f32) {
    half = _mm_loadu_ps(p);
  } else if constexpr (Format::dtype == DType::i8) {
    int32_t codes;
    std::memcpy(&codes, p, sizeof codes);
    half = _mm_cvtepi32_ps(_mm_cvtepi8_epi32(_mm_cvtsi32_si128(codes)));
  } else {
    const __m128i halves = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    if constexpr (Format::dtype == DType::f16) {
      half = _mm_cvtph_ps(halves);
    } else {
      half = _mm_castsi128_ps(_mm_slli_epi32(_mm_cvtepu16_epi32(halves), 16));
    }
  }
  return _mm256_castps128_ps256(half);
#else
  return Vec{Format::decode(p[0]), Format::decode(p[1]), 0, 0};
#endif
}

// The mask of eight columns of a 2:4 row, whose indices are this byte.
struct MasksOf24 {
  uint8_t of[256];
  constexpr MasksOf24() : of() {
    for (int byte = 0; byte < 256; byte++) {
      of[byte] = static_cast<uint8_t>(1 << (byte & 3) | 1 << (byte >> 2 & 3) | 16 << (byte >> 4 & 3) | 16 << (byte >> 6 & 3));
    }
  }
};
alignas(64) constexpr MasksOf24 kMasksOf24;

#if defined(WHITTLE_AVX2)
// For each mask of eight lanes, which element goes to which lane: as lanes for vpermps, negative for zero, and as bytes for vpshufb, which
// puts 16 bits into the upper halves of the lanes and zeros elsewhere: bf16 becomes f32 on the way.
struct Spreads {
  int8_t lanes[256][8];
  uint8_t bf16[256][32];
  constexpr Spreads() : lanes(), bf16() {
    for (int mask = 0; mask < 256; mask++) {
      int next = 0;
      for (int lane = 0; lane < 8; lane++) {
        const bool kept = mask >> lane & 1;
        lanes[mask][lane] = static_cast<int8_t>(kept ? next : -1);
        bf16[mask][4 * lane] = bf16[mask][4 * lane + 1] = 0x80;
        bf16[mask][4 * lane + 2] = static_cast<uint8_t>(kept ? 2 * next : 0x80);
        bf16[mask][4 * lane + 3] = static_cast<uint8_t>(kept ? 2 * next + 1 : 0x80);
        if (kept) next++;
      }
    }
  }
};
alignas(64) constexpr Spreads kSpreads;

// The same bytes by the indices of a 2:4 row: one look-up less.
struct Spreads24 {
  uint8_t bf16[256][32];
  constexpr Spreads24() : bf16() {
    for (int indices = 0; indices < 256; indices++) {
      for (int byte = 0; byte < 32; byte++) bf16[indices][byte] = kSpreads.bf16[kMasksOf24.of[indices]][byte];
    }
  }
};
alignas(64) constexpr Spreads24 kSpreads24;

// `packed`, the same in both halves, spread over eight lanes.
WHITTLE_INLINE __m256 spreadBf16(const uint8_t (&bytes)[32], __m256i packed) {
  return _mm256_castsi256_ps(_mm256_shuffle_epi8(packed, _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes))));
}
#endif

// The first elements of `packed`, one for each bit of the mask.
WHITTLE_INLINE Vec spread(uint32_t mask, Vec packed) {
#if defined(WHITTLE_AVX512)
  return _mm512_maskz_expand_ps(static_cast<__mmask16>(mask), packed);
#elif defined(WHITTLE_AVX2)
  const __m256i lanes = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(kSpreads.lanes[mask])));
  return _mm256_blendv_ps(_mm256_permutevar8x32_ps(packed, lanes), _mm256_setzero_ps(), _mm256_castsi256_ps(lanes));
#else
  Vec wide{};
  int next = 0;
  for (int lane = 0; lane < 4; lane++) {
    if (mask >> lane & 1) wide[lane] = packed[next++];
  }
  return wide;
#endif
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
