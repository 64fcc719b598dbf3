// Sixteen small codes of a block of weights, on their way to f32.
#pragma once

#include "dot-tile.h"

namespace WHITTLE_KERNEL_NAMESPACE {

typedef uint8_t Codes16 __attribute__((vector_size(16)));

WHITTLE_INLINE Codes16 loadCodes(const void* p) {
  Codes16 codes;
  std::memcpy(&codes, p, sizeof codes);
  return codes;
}

// Calls body(place, codes from there on as f32) for all sixteen, kLanes at a time; codes are signed.
template <typename Body>
WHITTLE_INLINE void eachFloats(Codes16 codes, Body&& body) {
#if defined(WHITTLE_AVX512)
  body(0, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(reinterpret_cast<__m128i>(codes))));
#elif defined(WHITTLE_AVX2)
  const __m128i bytes = reinterpret_cast<__m128i>(codes);
  body(0, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)));
  body(8, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))));
#elif defined(__SSE2__)
  const __m128i bytes = reinterpret_cast<__m128i>(codes);
  const __m128i words[2] = {_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8), _mm_srai_epi16(_mm_unpackhi_epi8(bytes, bytes), 8)};
  for (int i = 0; i < 2; i++) {
    body(8 * i, _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(words[i], words[i]), 16)));
    body(8 * i + 4, _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpackhi_epi16(words[i], words[i]), 16)));
  }
#else
  typedef int8_t Four __attribute__((vector_size(4)));
  for (int i = 0; i < 16; i += 4) {
    Four four;
    std::memcpy(&four, reinterpret_cast<const char*>(&codes) + i, sizeof four);
    body(i, __builtin_convertvector(__builtin_convertvector(four, VecInt), Vec));
  }
#endif
}

// An f16.
WHITTLE_INLINE float scaleOf(uint16_t bits) {
#ifdef WHITTLE_AVX2
  return _cvtsh_ss(bits);
#else
  return F16::decode(bits);
#endif
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
