// Rows of activations as codes from −127 to 127, a scale for every 32 of them: core's linear-q8.ts has the rule.
#pragma once

#include "code-sums.h"
#include "elementwise.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Rows that a tile takes at once: as many sums and partial sums as fit the registers.
#if defined(WHITTLE_AVX512)
constexpr int64_t kCodedTile = 12;
#elif defined(WHITTLE_NEON)
constexpr int64_t kCodedTile = 8;
#elif defined(WHITTLE_AVX2)
constexpr int64_t kCodedTile = 6;
#else
constexpr int64_t kCodedTile = 4;
#endif

// The rows of a tile: for every block the codes of all rows as `placeCodes` lays them, their scales, and what their sums begin with.
struct CodedTile {
  XCode* codes;
  float* scales;
  int32_t* starts;
  int64_t first, rows;

  // What it has of the blocks from `block` on.
  CodedTile from(int64_t block, int units) const {
    const int64_t at = block * rows;
    return {codes + at * kBlockCodes, scales + at, starts + at * units, first, rows};
  }
};

// All rows, cut into tiles that differ by one row at most.
class CodedRows {
 public:
  // `units`: parts of a block that have a sum of their own.
  CodedRows(int64_t rows, int64_t blocks, int units, Scratch<XCode>& codes, Scratch<float>& scales, Scratch<int32_t>& starts)
      : rows_(rows),
        blocks_(blocks),
        units_(units),
        codes_(codes.get(rows * blocks * kBlockCodes + 1)),
        scales_(scales.get(rows * blocks + 1)),
        starts_(starts.get(rows * blocks * units + 1)) {}

  int64_t rows() const { return rows_; }
  int64_t blocks() const { return blocks_; }
  int64_t tiles() const { return (rows_ + kCodedTile - 1) / kCodedTile; }

  // What tile `index` has of the blocks from `block` on.
  CodedTile tile(int64_t index, int64_t block = 0) const {
    const int64_t first = index * rows_ / tiles(), rows = (index + 1) * rows_ / tiles() - first;
    const int64_t at = first * blocks_;
    return CodedTile{codes_ + at * kBlockCodes, scales_ + at, starts_ + at * units_, first, rows}.from(block, units_);
  }

 private:
  int64_t rows_, blocks_;
  int units_;
  XCode* codes_;
  float* scales_;
  int32_t* starts_;
};

#if defined(WHITTLE_AVX512)
WHITTLE_INLINE __m256i packCodes(const VecInt* codes) {
  const auto bytes = [](VecInt v) { return _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(v)); };
  return _mm256_set_m128i(bytes(codes[1]), bytes(codes[0]));
}
#elif defined(WHITTLE_AVX2)
WHITTLE_INLINE __m256i packCodes(const VecInt* codes) {
  const auto pair = [&](int i) { return _mm256_packs_epi32(reinterpret_cast<__m256i>(codes[i]), reinterpret_cast<__m256i>(codes[i + 1])); };
  // Packing goes on within halves: fours of codes 0 2 4 6 | 1 3 5 7.
  return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(pair(0), pair(2)), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
#elif defined(__ARM_FEATURE_DOTPROD)
// Sixteen of them.
WHITTLE_INLINE int8x16_t packCodes(const VecInt* codes) {
  const auto pair = [&](int i) { return vuzp1q_s16(vreinterpretq_s16_s32(codes[i]), vreinterpretq_s16_s32(codes[i + 1])); };
  return vuzp1q_s8(vreinterpretq_s8_s16(pair(0)), vreinterpretq_s8_s16(pair(2)));
}
#endif

// What sums begin with, for each part of a block: minus `offset` times the sum of its codes.
template <int units>
WHITTLE_INLINE void startSums(const XCode* codes, int32_t offset, int32_t* starts, int64_t stride) {
  for (int u = 0; u < units; u++) starts[u * stride] = 0;
  if (offset == 0) return;
#if defined(WHITTLE_AVX2)
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes)));
  const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  __m128i low = _mm256_castsi256_si128(fours), high = _mm256_extracti128_si256(fours, 1);
  if constexpr (units == 1) low = _mm_add_epi32(low, high);
  const __m128i two = _mm_hadd_epi32(low, high), sums = _mm_hadd_epi32(two, two);
  starts[0] = -offset * _mm_extract_epi32(sums, 0);
  if constexpr (units == 2) starts[stride] = -offset * _mm_extract_epi32(sums, 1);
#else
  for (int64_t i = 0; i < kBlockCodes; i++) starts[i * units / kBlockCodes * stride] -= offset * codes[i];
#endif
}

// Rounds a block.
WHITTLE_INLINE void encodeBlock(const float* x, XCode* codes, float* scale) {
  constexpr int64_t vectors = kBlockCodes / kLanes;
  Vec v[vectors], most = splat(0.0f), poison = splat(0.0f);
  WHITTLE_UNROLL
  for (int64_t i = 0; i < vectors; i++) {
    v[i] = load(x + i * kLanes);
    most = larger(bitsToFloat(floatToBits(v[i]) & 0x7fffffff), most);
    poison = poison + v[i] * 0.0f;
  }
  float step = largestLane(most) / 127.0f;
  float inverse = 1.0f / step;
  if (!(inverse <= 0x1.fffffep127f)) step = inverse = 0.0f;
  if (any(poison != poison)) {
    step = bitsToFloat(uint32_t{0x7fc00000});
    WHITTLE_UNROLL
    for (int64_t i = 0; i < vectors; i++) v[i] = splat(0.0f);
    inverse = 0.0f;
  }
  *scale = step;
  VecInt rounded[vectors];
  WHITTLE_UNROLL
  for (int64_t i = 0; i < vectors; i++) {
    // Adding 1.5 · 2²³ leaves the nearest integer, ties to even, in the low bits.
    rounded[i] = floatToBits(v[i] * splat(inverse) + splat(0x1.8p23f)) - 0x4b400000;
  }
#if defined(WHITTLE_AVX2)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes), packCodes(rounded));
#elif defined(__ARM_FEATURE_DOTPROD)
  for (int half = 0; half < 2; half++) vst1q_s8(codes + 16 * half, packCodes(rounded + 4 * half));
#else
  for (int64_t i = 0; i < kBlockCodes; i++) codes[i] = static_cast<XCode>(rounded[i / kLanes][i % kLanes]);
#endif
}

// Rounds all of x, for weights of `Format`.
template <typename Format>
inline void encodeRows(const Call& call, const Tensor& x, const CodedRows& coded) {
  const int64_t rowCost = 4 * x.columns();
  forRows(call, coded.tiles(), kCodedTile * rowCost, [&](int64_t index) {
    const CodedTile tile = coded.tile(index);
    for (int64_t r = 0; r < tile.rows; r++) {
      const float* row = x.row<const float>(tile.first + r);
      for (int64_t b = 0; b < coded.blocks(); b++) {
        XCode codes[kBlockCodes];
        encodeBlock(row + b * kBlockCodes, codes, tile.scales + b * tile.rows + r);
        startSums<Format::units>(codes, Format::offset, tile.starts + b * Format::units * tile.rows + r, tile.rows);
        placeCodes(codes, r, tile.rows, tile.codes + b * tile.rows * kBlockCodes);
      }
    }
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
