// Dot products of rows of 8-bit codes with rows of weights in blocks, whose inner sums are exact integers: the inner loop of `linear.q8`.
//
// As in dot-tile.h, every product of a row with a row is formed in one order, whatever the tile it stands in.
#pragma once

#include "blocks.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Rows of activations as codes from −127 to 127, a scale for every 32 of them.
struct CodedRows {
  const int8_t* codes;
  const float* scales;
  int64_t blocks;

  CodedRows from(int64_t row) const { return {codes + row * blocks * blockElements, scales + row * blocks, blocks}; }
};

// Rounds a row: core's linear-q8.ts has the rule.
inline void encodeCodes(const float* x, int64_t blocks, int8_t* codes, float* scales) {
  for (int64_t b = 0; b < blocks; b++, x += blockElements, codes += blockElements) {
    Vec most = splat(0.0f), poison = splat(0.0f);
    for (int64_t i = 0; i < blockElements; i += kLanes) {
      const Vec v = load(x + i);
      most = larger(bitsToFloat(floatToBits(v) & 0x7fffffff), most);
      poison = poison + v * 0.0f;
    }
    const bool finite = !any(poison != poison);
    float scale = largestLane(most) / 127.0f;
    float inverse = 1.0f / scale;
    if (!finite || !(inverse <= 0x1.fffffep127f)) scale = inverse = 0.0f;
    scales[b] = finite ? scale : bitsToFloat(uint32_t{0x7fc00000});
    for (int64_t i = 0; i < blockElements; i++) {
      // Adding 1.5 · 2²³ leaves the nearest integer, ties to even, in the low bits.
      const float shifted = (finite ? x[i] : 0.0f) * inverse + 0x1.8p23f;
      codes[i] = static_cast<int8_t>(floatToBits(shifted) & 0xff);
    }
  }
}

#if defined(WHITTLE_AVX2) && !defined(WHITTLE_AVX512)

WHITTLE_INLINE __m256i codesOf(const Q8::Stored* block) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block->codes));
}
WHITTLE_INLINE __m256i codesOf(const Q4::Stored* block) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block->codes));
  const __m256i both = _mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes);
  return _mm256_sub_epi8(_mm256_and_si256(both, _mm256_set1_epi8(15)), _mm256_set1_epi8(8));
}

// result[r·O + o] = x[r] · w[o].
template <int R, int O, typename Format>
WHITTLE_INLINE void codeTile(CodedRows x, Rows<Format> w, int64_t ahead, float* result) {
  Vec sums[R * O];
  for (Vec& sum : sums) sum = splat(0.0f);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t b = 0; b < x.blocks; b++) {
    __m256i codes[O], magnitudes[O];
    float scales[O];
    for (int o = 0; o < O; o++) {
      if (ahead != 0) __builtin_prefetch(w[o] + b + ahead);
      codes[o] = codesOf(w[o] + b);
      // 128 fits: the first operand of maddubs is unsigned. Its sums of two stay below 2 · 128 · 127 < 2¹⁵.
      magnitudes[o] = _mm256_abs_epi8(codes[o]);
      scales[o] = scaleOf(w[o][b].scale);
    }
    for (int r = 0; r < R; r++) {
      const __m256i activations = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x.codes + (r * x.blocks + b) * blockElements));
      const float scale = x.scales[r * x.blocks + b];
      for (int o = 0; o < O; o++) {
        const __m256i pairs = _mm256_maddubs_epi16(magnitudes[o], _mm256_sign_epi8(activations, codes[o]));
        const Vec products = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, ones));
        sums[r * O + o] = multiplyAdd(splat(scale * scales[o]), products, sums[r * O + o]);
      }
    }
  }
  for (int i = 0; i < R * O; i++) result[i] = sumLanes(sums[i]);
}

#else

WHITTLE_INLINE int32_t dotCodes(const int8_t* x, const Q8::Stored* block) {
  int32_t sum = 0;
  for (int64_t i = 0; i < blockElements; i++) sum += x[i] * block->codes[i];
  return sum;
}
WHITTLE_INLINE int32_t dotCodes(const int8_t* x, const Q4::Stored* block) {
  int32_t sum = 0;
  for (int64_t i = 0; i < blockElements / 2; i++) {
    sum += x[i] * ((block->codes[i] & 15) - 8) + x[i + blockElements / 2] * ((block->codes[i] >> 4) - 8);
  }
  return sum;
}

template <int R, int O, typename Format>
WHITTLE_INLINE void codeTile(CodedRows x, Rows<Format> w, int64_t, float* result) {
  for (int r = 0; r < R; r++) {
    for (int o = 0; o < O; o++) {
      float sum = 0.0f;
      for (int64_t b = 0; b < x.blocks; b++) {
        const float scale = x.scales[r * x.blocks + b] * scaleOf(w[o][b].scale);
        sum += scale * static_cast<float>(dotCodes(x.codes + (r * x.blocks + b) * blockElements, w[o] + b));
      }
      result[r * O + o] = sum;
    }
  }
}

#endif

}  // namespace WHITTLE_KERNEL_NAMESPACE
