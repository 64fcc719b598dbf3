// Rows of sparse weights, walked from left to right: core's ops linear.sparse24 and linear.sparseMask say what the bytes mean.
#pragma once

#include "blocks.h"
#include "expand.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Columns that are walked between two calls of enter(): those that share a scale.
constexpr int64_t kScaleColumns = 64;

// What the codes of a row count; nothing for other formats.
template <typename Format>
struct RowScale {
  const uint16_t* scales;
  float scale;

  WHITTLE_INLINE void enter(int64_t k) {
    if constexpr (Format::dtype == DType::i8) scale = scaleOf(scales[k / kScaleColumns]);
  }
  WHITTLE_INLINE Vec operator*(Vec codes) const {
    if constexpr (Format::dtype == DType::i8) return splat(scale) * codes;
    return codes;
  }
  WHITTLE_INLINE float operator*(float code) const {
    if constexpr (Format::dtype == DType::i8) return scale * code;
    return code;
  }
};

// Two of each four columns.
template <typename Format>
struct Row24 {
  using Stored = typename Format::Stored;
  const Stored* values;
  const uint8_t* indices;
  RowScale<Format> scale;
  // Elements and bytes from this row to one that is wanted later.
  int64_t valuesAhead, indicesAhead;

  // Before the columns from k on, a multiple of kScaleColumns.
  WHITTLE_INLINE void enter(int64_t k) {
    scale.enter(k);
    __builtin_prefetch(values + k / 2 + valuesAhead);
    if constexpr (sizeof(Stored) == 4) __builtin_prefetch(values + k / 2 + valuesAhead + 16);
    __builtin_prefetch(indices + k / 8 + indicesAhead);
  }

  // Columns k to k + kLanes.
  WHITTLE_INLINE Vec at(int64_t k) {
    const Stored* from = values + k / 2;
#if defined(WHITTLE_AVX512)
    const uint32_t low = kMasksOf24.of[indices[k / 8]], high = kMasksOf24.of[indices[k / 8 + 1]];
    return spread(low | high << 8, scale * loadHalf<Format>(from));
#elif defined(WHITTLE_AVX2)
    if constexpr (Format::dtype == DType::bf16) {
      int64_t four;
      std::memcpy(&four, from, sizeof four);
      return spreadBf16(kSpreads24.bf16[indices[k / 8]], _mm256_set1_epi64x(four));
    }
    return spread(kMasksOf24.of[indices[k / 8]], scale * loadHalf<Format>(from));
#else
    return spread(kMasksOf24.of[indices[k / 8]] >> k % 8 & 15, scale * loadHalf<Format>(from));
#endif
  }

  // Columns k to `depth`, fewer than kLanes, as lanes.
  WHITTLE_INLINE void rest(int64_t k, int64_t depth, float* lanes) {
    for (int64_t i = k / 2; i < (depth + 3) / 4 * 2; i++) {
      const int64_t column = i / 2 * 4 + (indices[i / 4] >> i % 4 * 2 & 3);
      if (column < depth) lanes[column - k] = scale * Format::decode(values[i]);
    }
  }
};

// Any columns.
template <typename Format>
struct RowMask {
  using Stored = typename Format::Stored;
  const Stored* next;
  const uint8_t* mask;
  RowScale<Format> scale;
  int64_t valuesAhead, maskAhead;

  WHITTLE_INLINE void enter(int64_t k) {
    scale.enter(k);
    // At 50 % a line of 16-bit elements.
    __builtin_prefetch(next + valuesAhead);
    if constexpr (sizeof(Stored) == 4) __builtin_prefetch(next + valuesAhead + 16);
    __builtin_prefetch(mask + k / 8 + maskAhead);
  }

  WHITTLE_INLINE Vec at(int64_t k) {
    const Stored* from = next;
#if defined(WHITTLE_AVX512)
    uint16_t bits;
    std::memcpy(&bits, mask + k / 8, sizeof bits);
    next += __builtin_popcount(bits);
    return spread(bits, scale * Format::loadVec(from));
#elif defined(WHITTLE_AVX2)
    const uint32_t bits = mask[k / 8];
    next += __builtin_popcount(bits);
    if constexpr (Format::dtype == DType::bf16) {
      const __m256i eight = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
      return spreadBf16(kSpreads.bf16[bits], eight);
    }
    return spread(bits, scale * Format::loadVec(from));
#else
    const uint32_t bits = mask[k / 8] >> k % 8 & 15;
    next += __builtin_popcount(bits);
    return spread(bits, scale * Format::loadVec(from));
#endif
  }

  WHITTLE_INLINE void rest(int64_t k, int64_t depth, float* lanes) {
    for (int64_t column = k; column < depth; column++) {
      if (mask[column / 8] >> column % 8 & 1) lanes[column - k] = scale * Format::decode(*next++);
    }
  }
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
