// One row of codes past weights in blocks (decoding), where vectors have 512 bits: four rows of the weight at a time, a quarter of all
// apart, and four blocks of each.
//
// A panel reads its kLanes rows side by side, and as many streams come from memory at three quarters of what four give (Zen 5). The sums
// are the same bits: integers of a block are exact, and each row's blocks follow one another as in `codeTile`.
#pragma once

#include "code-tile.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Formats that have a `Streamed<Format>`.
template <typename Format>
constexpr bool kStreamed = false;

constexpr int64_t kStreams = 4;

#if defined(WHITTLE_AVX512)

// Bytes of each stream between what is multiplied and what is asked for. Tuned on a Zen 5 at 2048 and 5632 columns, of 1 to 4 KiB.
constexpr int64_t kStreamAhead = 2048;

// Number i of four in every lane of quarter i.
WHITTLE_INLINE __m512i spreadOverQuarters(const void* four) {
  const __m512i quarters = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  return _mm512_permutexvar_epi32(quarters, _mm512_castsi128_si512(load16(four)));
}

// Lane i of each quarter: the sum of that quarter of rows[i].
WHITTLE_INLINE __m512i sumQuarters(const __m512i* rows) {
  const __m512i two = _mm512_add_epi32(_mm512_unpacklo_epi32(rows[0], rows[1]), _mm512_unpackhi_epi32(rows[0], rows[1]));
  const __m512i others = _mm512_add_epi32(_mm512_unpacklo_epi32(rows[2], rows[3]), _mm512_unpackhi_epi32(rows[2], rows[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(two, others), _mm512_unpackhi_epi64(two, others));
}

// Lane i of each quarter: the first of that quarter of rows[i].
WHITTLE_INLINE __m512i firstOfQuarters(const __m512i* rows) {
  return _mm512_unpacklo_epi64(_mm512_unpacklo_epi32(rows[0], rows[1]), _mm512_unpacklo_epi32(rows[2], rows[3]));
}

// a · b + sums of one quarter.
template <int quarter>
WHITTLE_INLINE Vec4 addQuarter(Vec a, Vec b, Vec4 sums) {
  return _mm_fmadd_ps(_mm512_extractf32x4_ps(a, quarter), _mm512_extractf32x4_ps(b, quarter), sums);
}

// The f16 that are the low halves of lanes, as f32.
WHITTLE_INLINE Vec lowHalves(__m512i lanes) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(lanes));
}

// How four rows of a weight meet one of x, `blocks` blocks of codes at a time (for which `lines` lines of each row are asked for): of these
// x holds an `X`, and `add` takes what they give to the rows' sums, but for the first `done` blocks.
template <typename Format>
struct Streamed;

// Of formats with a scale for each block: four blocks of x. Of `first`, `starts` and `scales` each quarter belongs to a block, its lanes to
// rows of the weight.
struct XBlocks {
  __m512i codes[2], first, starts;
  Vec scales;
};

template <typename Format>
struct FourBlocks {
  using X = XBlocks;
  static constexpr int64_t blocks = 4;
  // What is left out now and then of up to 136 bytes, the processor sees coming.
  static constexpr int lines = 2;

  static WHITTLE_INLINE X spread(const CodedTile& x) {
    X to;
    Streamed<Format>::spreadCodes(x.codes, &to);
    to.starts = spreadOverQuarters(x.starts);
    to.scales = reinterpret_cast<Vec>(spreadOverQuarters(x.scales));
    return to;
  }

  static WHITTLE_INLINE Vec4 add(const char* const* w, const X& x, int64_t done, Vec4 sums) {
    Vec scales;
    const Vec whole = toFloats(Streamed<Format>::multiply(w, x, &scales));
    scales = x.scales * scales;
    if (done < 1) sums = addQuarter<0>(whole, scales, sums);
    if (done < 2) sums = addQuarter<1>(whole, scales, sums);
    if (done < 3) sums = addQuarter<2>(whole, scales, sums);
    return addQuarter<3>(whole, scales, sums);
  }
};

// Two blocks are 17 words of 32 bits: a scale and two codes, then 16 words of codes with the second scale in the middle (eighth, high
// half), where x has zeros. So one load of 64 bytes meets all codes but two of both blocks.
template <>
struct Streamed<Q8> : FourBlocks<Q8> {
  static WHITTLE_INLINE void spreadCodes(const XCode* x, XBlocks* to) {
    for (int pair = 0; pair < 2; pair++) {
      const XCode* const codes = x + 2 * pair * kBlockCodes;
      const __m256i behindTwo = _mm256_maskz_loadu_epi8(0x3fffffff, codes + 2);
      to->codes[pair] = _mm512_inserti64x4(_mm512_castsi256_si512(behindTwo), load32(codes + kBlockCodes), 1);
    }
    // The two codes, beside the scale, of the first and the third block.
    const int32_t two[] = {firstTwo(x), 0, firstTwo(x + 2 * kBlockCodes), 0};
    to->first = spreadOverQuarters(two);
  }

  // The integer sums of four blocks of four rows, a block in each quarter, and the scales of the weight.
  static WHITTLE_INLINE __m512i multiply(const char* const* w, const XBlocks& x, Vec* scales) {
    constexpr int64_t pair = 2 * sizeof(Q8::Stored);
    const __m512i flip = splatCode(0x80);
    __m512i halves[2], rows[kStreams];
    WHITTLE_UNROLL
    for (int i = 0; i < 2; i++) {
      WHITTLE_UNROLL
      for (int r = 0; r < kStreams; r++) {
        const __m512i codes = _mm512_xor_si512(_mm512_loadu_si512(w[r] + i * pair + 4), flip);
        rows[r] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), codes, x.codes[i]);
      }
      halves[i] = sumQuarters(rows);
    }
    WHITTLE_UNROLL
    for (int r = 0; r < kStreams; r++) rows[r] = fourBlocks(w[r]);
    const __m512i first = firstOfQuarters(rows);
    *scales = lowHalves(first);
    const __m512i begun = _mm512_dpbusd_epi32(x.starts, _mm512_xor_si512(first, flip), x.first);
    const __m512i even = _mm512_shuffle_i64x2(halves[0], halves[1], 0x88), odd = _mm512_shuffle_i64x2(halves[0], halves[1], 0xdd);
    return _mm512_add_epi32(begun, _mm512_add_epi32(even, odd));
  }

 private:
  static WHITTLE_INLINE int32_t firstTwo(const XCode* codes) {
    uint16_t two;
    std::memcpy(&two, codes, sizeof two);
    return static_cast<int32_t>(static_cast<uint32_t>(two) << 16);
  }
  // The first 16 bytes of four blocks.
  static WHITTLE_INLINE __m512i fourBlocks(const char* row) {
    constexpr int64_t step = sizeof(Q8::Stored);
    __m512i blocks = _mm512_zextsi128_si512(load16(row));
    blocks = _mm512_mask_broadcast_i32x4(blocks, 0x00f0, load16(row + step));
    blocks = _mm512_mask_broadcast_i32x4(blocks, 0x0f00, load16(row + 2 * step));
    return _mm512_mask_broadcast_i32x4(blocks, 0xf000, load16(row + 3 * step));
  }
};

template <>
constexpr bool kStreamed<Q8> = true;

// Four blocks are 36 words of 16 bits, each block a scale and eight words of codes: permutations sort them into quarters.
template <>
struct Streamed<Q4> : FourBlocks<Q4> {
  static WHITTLE_INLINE void spreadCodes(const XCode* x, XBlocks* to) {
    for (int half = 0; half < 2; half++) {
      const auto block = [&](int i) { return load16(x + i * kBlockCodes + half * kBlockCodes / 2); };
      to->codes[half] =
          _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(block(1), block(0))), _mm256_set_m128i(block(3), block(2)), 1);
    }
    to->first = _mm512_setzero_si512();
  }

  static WHITTLE_INLINE __m512i multiply(const char* const* w, const XBlocks& x, Vec* scales) {
    alignas(64) static constexpr uint16_t codeWords[] = {1,  2,  3,  4,  5,  6,  7,  8,  10, 11, 12, 13, 14, 15, 16, 17,
                                                         19, 20, 21, 22, 23, 24, 25, 26, 28, 29, 30, 31, 36, 37, 38, 39};
    alignas(64) static constexpr uint16_t scaleWords[] = {0,  0,  0,  0,  0,  0,  0,  0,  9,  9,  9,  9,  9,  9,  9,  9,
                                                          18, 18, 18, 18, 18, 18, 18, 18, 27, 27, 27, 27, 27, 27, 27, 27};
    const __m512i low = splatCode(15), codeAt = _mm512_load_si512(codeWords), scaleAt = _mm512_load_si512(scaleWords);
    __m512i rows[kStreams], firsts[kStreams];
    WHITTLE_UNROLL
    for (int r = 0; r < kStreams; r++) {
      // Words 0 to 31, and 28 to 35.
      const __m512i most = _mm512_loadu_si512(w[r]), last = _mm512_castsi128_si512(load16(w[r] + 56));
      const __m512i bytes = _mm512_permutex2var_epi16(most, codeAt, last);
      firsts[r] = _mm512_permutexvar_epi16(scaleAt, most);
      const __m512i lower = _mm512_dpbusd_epi32(_mm512_setzero_si512(), bytes & low, x.codes[0]);
      rows[r] = _mm512_dpbusd_epi32(lower, _mm512_srli_epi16(bytes, 4) & low, x.codes[1]);
    }
    *scales = lowHalves(firstOfQuarters(firsts));
    return _mm512_add_epi32(x.starts, sumQuarters(rows));
  }
};

template <>
constexpr bool kStreamed<Q4> = true;

// Four rows, some blocks at a time; of the last ones those are left out that were there before.
template <typename Format>
WHITTLE_INLINE Vec4 multiplyStreams(const typename Streamed<Format>::X* x, int64_t blocks, const char* const* rows) {
  using Steps = Streamed<Format>;
  constexpr int64_t bytes = Steps::blocks / Coded<Format>::together * sizeof(typename Format::Stored);
  Vec4 sums = _mm_setzero_ps();
  const auto step = [&](int64_t at, const typename Steps::X& some, int64_t done) {
    const char* w[kStreams];
    WHITTLE_UNROLL
    for (int r = 0; r < kStreams; r++) {
      w[r] = rows[r] + at;
      WHITTLE_UNROLL
      for (int line = 0; line < Steps::lines; line++) __builtin_prefetch(w[r] + kStreamAhead + line * bytes / Steps::lines);
    }
    sums = Steps::add(w, some, done, sums);
  };
  int64_t at = 0, block = 0;
  for (; block + Steps::blocks <= blocks; block += Steps::blocks, at += bytes, x++) step(at, *x, 0);
  const int64_t over = block + Steps::blocks - blocks;
  if (block < blocks) step(at - over * bytes / Steps::blocks, *x, over);
  return sums;
}

// Whether a row of so many blocks can go as streams.
template <typename Format>
WHITTLE_INLINE bool fitsStreams(int64_t blocks) {
  return blocks >= Streamed<Format>::blocks;
}

// The outputs `from` to `to` of one row that fits.
template <typename Format>
inline void streamOneRow(const CodedTile& x, int64_t blocks, const Product<Format>& product, int64_t from, int64_t to) {
  using Steps = Streamed<Format>;
  static thread_local Scratch<typename Steps::X> scratch;
  const int64_t steps = (blocks + Steps::blocks - 1) / Steps::blocks;
  typename Steps::X* const spread = scratch.get(steps);
  for (int64_t i = 0; i < steps; i++) {
    spread[i] = Steps::spread(x.from(smaller(i * Steps::blocks, blocks - Steps::blocks), Coded<Format>::units));
  }
  float* const y = product.y + x.first * product.yStride;
  // Output `out` and those `apart`: `count` of them, beyond which the last is repeated.
  const auto four = [&](int64_t out, int64_t apart, int64_t count) {
    const char* rows[kStreams];
    for (int64_t r = 0; r < kStreams; r++) rows[r] = reinterpret_cast<const char*>(product.w[out + smaller(r, count - 1) * apart]);
    const Vec4 sums = multiplyStreams<Format>(spread, blocks, rows);
    for (int64_t r = 0; r < count; r++) {
      const int64_t at = out + r * apart;
      y[at] = product.bias ? sums[r] + product.bias[at] : sums[r];
    }
  };
  // Of as many outputs: a piece of each quarter of all, so that streams do not end with a part.
  const int64_t apart = product.outs / kStreams, rest = kStreams * apart;
  for (int64_t out = from / kStreams; out < to / kStreams; out++) four(out, apart, kStreams);
  if (to == product.outs && rest < to) four(rest, 1, to - rest);
}

#endif

}  // namespace WHITTLE_KERNEL_NAMESPACE
