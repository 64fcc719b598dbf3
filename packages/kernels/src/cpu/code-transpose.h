// Bytes of `kLanes` rows as vectors whose lanes are the rows. `at(o)` points at what is read of row `o`.
#pragma once

#include "code-vec.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// One f16 of each row, as f32.
template <typename At>
WHITTLE_INLINE Vec gatherHalves(At&& at) {
  uint16_t halves[kLanes];
  for (int o = 0; o < kLanes; o++) std::memcpy(halves + o, at(o), sizeof(uint16_t));
#if defined(WHITTLE_AVX2)
  // Made in registers: a wide load behind narrow stores would wait for them.
  const auto eight = [&](int o) {
    return _mm_setr_epi16(static_cast<int16_t>(halves[o]), static_cast<int16_t>(halves[o + 1]), static_cast<int16_t>(halves[o + 2]),
                          static_cast<int16_t>(halves[o + 3]), static_cast<int16_t>(halves[o + 4]), static_cast<int16_t>(halves[o + 5]),
                          static_cast<int16_t>(halves[o + 6]), static_cast<int16_t>(halves[o + 7]));
  };
#if defined(WHITTLE_AVX512)
  return _mm512_cvtph_ps(_mm256_set_m128i(eight(8), eight(0)));
#else
  return _mm256_cvtph_ps(eight(0));
#endif
#else
  return F16::loadVec(halves);
#endif
}

#if defined(__ARM_FEATURE_DOTPROD)

// 16 bytes of each row: vector k has bytes 4k to 4k + 3.
template <typename At>
WHITTLE_INLINE void gather16(At&& at, CodeVec* result) {
  CodeVec rows[4];
  for (int o = 0; o < 4; o++) std::memcpy(rows + o, at(o), sizeof rows[o]);
  const uint32x4_t even01 = vtrn1q_u32(rows[0], rows[1]), odd01 = vtrn2q_u32(rows[0], rows[1]);
  const uint32x4_t even23 = vtrn1q_u32(rows[2], rows[3]), odd23 = vtrn2q_u32(rows[2], rows[3]);
  const auto low = [](uint32x4_t a, uint32x4_t b) {
    return vreinterpretq_u32_u64(vtrn1q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
  };
  const auto high = [](uint32x4_t a, uint32x4_t b) {
    return vreinterpretq_u32_u64(vtrn2q_u64(vreinterpretq_u64_u32(a), vreinterpretq_u64_u32(b)));
  };
  result[0] = low(even01, even23);
  result[1] = low(odd01, odd23);
  result[2] = high(even01, even23);
  result[3] = high(odd01, odd23);
}

#if defined(__ARM_FEATURE_MATMUL_INT8)
// 16 codes of each row: vectors 2k and 2k + 1 have codes 8k to 8k + 7 of rows 0 and 1, and of rows 2 and 3.
template <typename At>
WHITTLE_INLINE void gatherCodes16(At&& at, CodeVec* result) {
  uint64x2_t rows[4];
  for (int o = 0; o < 4; o++) std::memcpy(rows + o, at(o), sizeof rows[o]);
  for (int pair = 0; pair < 2; pair++) {
    result[pair] = vreinterpretq_u32_u64(vtrn1q_u64(rows[2 * pair], rows[2 * pair + 1]));
    result[pair + 2] = vreinterpretq_u32_u64(vtrn2q_u64(rows[2 * pair], rows[2 * pair + 1]));
  }
}
#else
// 16 codes of each row as a panel has them.
template <typename At>
WHITTLE_INLINE void gatherCodes16(At&& at, CodeVec* result) {
  gather16(at, result);
}
#endif

// 32 codes of each row as a panel has them.
template <typename At>
WHITTLE_INLINE void gatherCodes32(At&& at, CodeVec* result) {
  const auto bytes = [&](int o) { return reinterpret_cast<const uint8_t*>(at(o)); };
  gatherCodes16(bytes, result);
  gatherCodes16([&](int o) { return bytes(o) + 16; }, result + 4);
}

#elif defined(WHITTLE_AVX2)

#if defined(WHITTLE_AVX512)
#define WHITTLE_BY_WIDTH(name) _mm512_##name
#else
#define WHITTLE_BY_WIDTH(name) _mm256_##name
#endif

// Within each 16 bytes of the four vectors: lane i of result k is lane k of v[i].
WHITTLE_INLINE void transposeQuads(const CodeVec* v, CodeVec* result) {
  const CodeVec lo01 = WHITTLE_BY_WIDTH(unpacklo_epi32)(v[0], v[1]), hi01 = WHITTLE_BY_WIDTH(unpackhi_epi32)(v[0], v[1]);
  const CodeVec lo23 = WHITTLE_BY_WIDTH(unpacklo_epi32)(v[2], v[3]), hi23 = WHITTLE_BY_WIDTH(unpackhi_epi32)(v[2], v[3]);
  result[0] = WHITTLE_BY_WIDTH(unpacklo_epi64)(lo01, lo23);
  result[1] = WHITTLE_BY_WIDTH(unpackhi_epi64)(lo01, lo23);
  result[2] = WHITTLE_BY_WIDTH(unpacklo_epi64)(hi01, hi23);
  result[3] = WHITTLE_BY_WIDTH(unpackhi_epi64)(hi01, hi23);
}

#undef WHITTLE_BY_WIDTH

WHITTLE_INLINE __m128i load16(const void* p) {
  return _mm_loadu_si128(static_cast<const __m128i*>(p));
}
WHITTLE_INLINE __m256i load32(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

// 16 bytes of rows i, i + 4 and so on, side by side.
template <typename At>
WHITTLE_INLINE CodeVec everyFourth(At&& at, int i) {
#if defined(WHITTLE_AVX512)
  // Broadcasts from memory into some quarters take no shuffle.
  CodeVec rows = _mm512_zextsi128_si512(load16(at(i)));
  rows = _mm512_mask_broadcast_i32x4(rows, 0x00f0, load16(at(i + 4)));
  rows = _mm512_mask_broadcast_i32x4(rows, 0x0f00, load16(at(i + 8)));
  return _mm512_mask_broadcast_i32x4(rows, 0xf000, load16(at(i + 12)));
#else
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load16(at(i))), load16(at(i + 4)), 1);
#endif
}

// 16 bytes of each row: vector k has bytes 4k to 4k + 3.
template <typename At>
WHITTLE_INLINE void gather16(At&& at, CodeVec* result) {
  CodeVec rows[4];
  for (int i = 0; i < 4; i++) rows[i] = everyFourth(at, i);
  transposeQuads(rows, result);
}

// The f16 that 16 bytes of each row begin with, as f32.
template <typename At>
WHITTLE_INLINE Vec gatherFirstHalves(At&& at) {
#if defined(WHITTLE_AVX512)
  const CodeVec pairs[] = {_mm512_unpacklo_epi32(everyFourth(at, 0), everyFourth(at, 1)),
                           _mm512_unpacklo_epi32(everyFourth(at, 2), everyFourth(at, 3))};
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_unpacklo_epi64(pairs[0], pairs[1])));
#else
  return gatherHalves(at);
#endif
}

// 16 and 32 codes of each row as a panel has them: vector k has codes 4k to 4k + 3.
template <typename At>
WHITTLE_INLINE void gatherCodes16(At&& at, CodeVec* result) {
  gather16(at, result);
}
template <typename At>
WHITTLE_INLINE void gatherCodes32(At&& at, CodeVec* result) {
  CodeVec rows[4], first[4], second[4];
#if defined(WHITTLE_AVX512)
  const auto pair = [&](int o) { return _mm512_inserti64x4(_mm512_castsi256_si512(load32(at(o))), load32(at(o + 4)), 1); };
  for (int i = 0; i < 4; i++) rows[i] = pair(i);
  transposeQuads(rows, first);
  for (int i = 0; i < 4; i++) rows[i] = pair(i + 8);
  transposeQuads(rows, second);
  for (int k = 0; k < 4; k++) {
    result[k] = _mm512_shuffle_i64x2(first[k], second[k], 0x88);
    result[k + 4] = _mm512_shuffle_i64x2(first[k], second[k], 0xdd);
  }
#else
  for (int i = 0; i < 4; i++) rows[i] = load32(at(i));
  transposeQuads(rows, first);
  for (int i = 0; i < 4; i++) rows[i] = load32(at(i + 4));
  transposeQuads(rows, second);
  for (int k = 0; k < 4; k++) {
    result[k] = _mm256_permute2x128_si256(first[k], second[k], 0x20);
    result[k + 4] = _mm256_permute2x128_si256(first[k], second[k], 0x31);
  }
#endif
}

#endif

#if !defined(WHITTLE_AVX2)
// The f16 that 16 bytes of each row begin with, as f32.
template <typename At>
WHITTLE_INLINE Vec gatherFirstHalves(At&& at) {
  return gatherHalves(at);
}
#endif

}  // namespace WHITTLE_KERNEL_NAMESPACE
