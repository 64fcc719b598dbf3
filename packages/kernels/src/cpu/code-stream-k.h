// One row of codes past weights of q4_K and q6_K, as four streams: see code-stream.h. A step is a whole block of the format.
#pragma once

#include "code-panel-k.h"
#include "code-stream.h"

namespace WHITTLE_KERNEL_NAMESPACE {

#if defined(WHITTLE_AVX512)

// Word i of the 16 bytes at `at` of four rows as words[i], a row in each lane.
WHITTLE_INLINE void loadWords(const char* const* w, int64_t at, __m128i* words) {
  __m128i rows[kStreams];
  WHITTLE_UNROLL
  for (int r = 0; r < kStreams; r++) rows[r] = load16(w[r] + at);
  const __m128i low01 = _mm_unpacklo_epi32(rows[0], rows[1]), high01 = _mm_unpackhi_epi32(rows[0], rows[1]);
  const __m128i low23 = _mm_unpacklo_epi32(rows[2], rows[3]), high23 = _mm_unpackhi_epi32(rows[2], rows[3]);
  words[0] = _mm_unpacklo_epi64(low01, low23);
  words[1] = _mm_unpackhi_epi64(low01, low23);
  words[2] = _mm_unpacklo_epi64(high01, high23);
  words[3] = _mm_unpackhi_epi64(high01, high23);
}

WHITTLE_INLINE __m512i inEachQuarter(__m128i lanes) {
  return _mm512_broadcast_i32x4(lanes);
}
WHITTLE_INLINE Vec inEachQuarter(__m128 lanes) {
  return _mm512_broadcast_f32x4(lanes);
}

// Bytes 0, 1, 2 and 3 of four lanes in quarters 0, 1, 2 and 3, as the highest bytes of those lanes.
WHITTLE_INLINE __m512i bytesOverQuarters(__m128i lanes) {
  const __m512i up = _mm512_setr_epi32(24, 24, 24, 24, 16, 16, 16, 16, 8, 8, 8, 8, 0, 0, 0, 0);
  return _mm512_sllv_epi32(inEachQuarter(lanes), up);
}
WHITTLE_INLINE Vec unsignedOverQuarters(__m128i lanes) {
  return toFloats(_mm512_srli_epi32(bytesOverQuarters(lanes), 24));
}
WHITTLE_INLINE Vec signedOverQuarters(__m128i lanes) {
  return toFloats(_mm512_srai_epi32(bytesOverQuarters(lanes), 24));
}

// Two runs of 32 codes of x, side by side.
WHITTLE_INLINE __m512i twoRuns(const XCode* codes, int first, int second) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(load32(codes + first * kBlockCodes)), load32(codes + second * kBlockCodes), 1);
}

// Of 64 bytes of codes the low halves are two runs of 32, the first and the third of four, the high ones the second and the fourth.
template <>
struct Streamed<Q4K> {
  struct X {
    // Of each half of the block's runs.
    __m512i even[2], odd[2];
    Vec scales[2], mins[2];
  };
  static constexpr int64_t blocks = 8;
  static constexpr int lines = 3;

  static WHITTLE_INLINE X spread(const CodedTile& x) {
    X to;
    for (int half = 0; half < 2; half++) {
      to.even[half] = twoRuns(x.codes, 4 * half, 4 * half + 2);
      to.odd[half] = twoRuns(x.codes, 4 * half + 1, 4 * half + 3);
      const float* const scales = x.scales + 4 * half;
      float mins[4];
      for (int run = 0; run < 4; run++) mins[run] = scales[run] * static_cast<float>(-x.starts[4 * half + run]);
      to.scales[half] = reinterpret_cast<Vec>(spreadOverQuarters(scales));
      to.mins[half] = reinterpret_cast<Vec>(spreadOverQuarters(mins));
    }
    return to;
  }

  static WHITTLE_INLINE Vec4 add(const char* const* w, const X& x, int64_t, Vec4 sums) {
    __m128i words[4];
    loadWords(w, 0, words);
    const Vec scale = inEachQuarter(lowHalvesOf(words[0])), minScale = inEachQuarter(lowHalvesOf(_mm_srli_epi32(words[0], 16)));
    // As in unpackScales, a row in each lane.
    const __m128i six = _mm_set1_epi8(0x3f), four = _mm_set1_epi8(0x0f), two = _mm_set1_epi8(0x30);
    const __m128i scales[] = {words[1] & six, (words[3] & four) | (_mm_srli_epi32(words[1], 2) & two)};
    const __m128i mins[] = {words[2] & six, (_mm_srli_epi32(words[3], 4) & four) | (_mm_srli_epi32(words[2], 2) & two)};
    WHITTLE_UNROLL
    for (int half = 0; half < 2; half++) {
      const Vec whole = toFloats(multiply(w, 16 + 64 * half, x.even[half], x.odd[half]));
      const Vec steps = x.scales[half] * (scale * unsignedOverQuarters(scales[half]));
      const Vec offsets = minScale * unsignedOverQuarters(mins[half]);
      sums = addQuarter<0>(x.mins[half], offsets, addQuarter<0>(whole, steps, sums));
      sums = addQuarter<1>(x.mins[half], offsets, addQuarter<1>(whole, steps, sums));
      sums = addQuarter<2>(x.mins[half], offsets, addQuarter<2>(whole, steps, sums));
      sums = addQuarter<3>(x.mins[half], offsets, addQuarter<3>(whole, steps, sums));
    }
    return sums;
  }

 private:
  // The integer sums of four runs of four rows, a run in each quarter.
  static WHITTLE_INLINE __m512i multiply(const char* const* w, int64_t at, __m512i even, __m512i odd) {
    const __m512i low = splatCode(15), none = _mm512_setzero_si512();
    __m512i evens[kStreams], odds[kStreams];
    WHITTLE_UNROLL
    for (int r = 0; r < kStreams; r++) {
      const __m512i bytes = _mm512_loadu_si512(w[r] + at);
      evens[r] = _mm512_dpbusd_epi32(none, bytes & low, even);
      odds[r] = _mm512_dpbusd_epi32(none, _mm512_srli_epi16(bytes, 4) & low, odd);
    }
    // Two quarters of each run.
    const __m512i two = sumQuarters(evens), others = sumQuarters(odds);
    const __m512i lower = _mm512_permutex2var_epi64(two, _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), others);
    const __m512i upper = _mm512_permutex2var_epi64(two, _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15), others);
    return _mm512_add_epi32(lower, upper);
  }

  static WHITTLE_INLINE __m128 lowHalvesOf(__m128i lanes) { return _mm_cvtph_ps(_mm_cvtepi32_epi16(lanes)); }
};

template <>
constexpr bool kStreamed<Q4K> = true;

// A quarter of a vector of codes is what has a scale. Of 64 bytes of low bits the low halves are two runs side by side, the high ones the
// two runs after them; 32 bytes have the high bits of all four.
template <>
struct Streamed<Q6K> {
  struct X {
    // Of each pair of runs.
    __m512i codes[4], starts[4];
    Vec scales[4];
  };
  static constexpr int64_t blocks = 8;
  static constexpr int lines = 4;

  static WHITTLE_INLINE X spread(const CodedTile& x) {
    X to;
    for (int pair = 0; pair < 4; pair++) {
      to.codes[pair] = twoRuns(x.codes, 2 * pair, 2 * pair + 1);
      to.starts[pair] = spreadOverQuarters(x.starts + 4 * pair);
      const float a = x.scales[2 * pair], b = x.scales[2 * pair + 1], scales[] = {a, a, b, b};
      to.scales[pair] = reinterpret_cast<Vec>(spreadOverQuarters(scales));
    }
    return to;
  }

  static WHITTLE_INLINE Vec4 add(const char* const* w, const X& x, int64_t, Vec4 sums) {
    __m128i scales[4];
    loadWords(w, 192, scales);
    const Vec scale = inEachQuarter(gatherFour(w));
    WHITTLE_UNROLL
    for (int half = 0; half < 2; half++) {
      __m512i wholes[2];
      multiply(w, half, x, wholes);
      WHITTLE_UNROLL
      for (int i = 0; i < 2; i++) {
        const int pair = 2 * half + i;
        const Vec whole = toFloats(wholes[i]), steps = x.scales[pair] * (scale * signedOverQuarters(scales[pair]));
        sums = addQuarter<1>(whole, steps, addQuarter<0>(whole, steps, sums));
        sums = addQuarter<3>(whole, steps, addQuarter<2>(whole, steps, sums));
      }
    }
    return sums;
  }

 private:
  // The integer sums of half of four rows' blocks: of two runs each, a scale's codes in each quarter.
  static WHITTLE_INLINE void multiply(const char* const* w, int half, const X& x, __m512i* wholes) {
    const __m512i nibble = splatCode(15), two = splatCode(48);
    const __m512i first = shifts(4, 2), second = shifts(0, 2);
    __m512i low[kStreams], high[kStreams];
    WHITTLE_UNROLL
    for (int r = 0; r < kStreams; r++) {
      const __m512i bytes = _mm512_loadu_si512(w[r] + 64 * half), upper = _mm512_broadcast_i64x4(load32(w[r] + 128 + 32 * half));
      const __m512i lower = (bytes & nibble) | (_mm512_sllv_epi16(upper, first) & two);
      const __m512i higher = (_mm512_srli_epi16(bytes, 4) & nibble) | (_mm512_srlv_epi16(upper, second) & two);
      low[r] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), lower, x.codes[2 * half]);
      high[r] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), higher, x.codes[2 * half + 1]);
    }
    wholes[0] = _mm512_add_epi32(x.starts[2 * half], sumQuarters(low));
    wholes[1] = _mm512_add_epi32(x.starts[2 * half + 1], sumQuarters(high));
  }
  // For the words of each half of a vector.
  static WHITTLE_INLINE __m512i shifts(short lower, short upper) {
    return _mm512_inserti64x4(_mm512_set1_epi16(lower), _mm256_set1_epi16(upper), 1);
  }
  static WHITTLE_INLINE __m128 gatherFour(const char* const* w) {
    const auto scale = [&](int r) { return static_cast<short>(reinterpret_cast<const Q6K::Stored*>(w[r])->scale); };
    return _mm_cvtph_ps(_mm_setr_epi16(scale(0), scale(1), scale(2), scale(3), 0, 0, 0, 0));
  }
};

template <>
constexpr bool kStreamed<Q6K> = true;

#endif

}  // namespace WHITTLE_KERNEL_NAMESPACE
