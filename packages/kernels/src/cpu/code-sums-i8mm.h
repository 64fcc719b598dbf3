// code-sums.h with products of matrices of bytes (SMMLA).
#pragma once

#include "code-vec.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Rows lie in pairs, eight codes of the one, then eight of the other: SMMLA multiplies these with eight codes of two rows of the panel. A row
// that is left over lies as it is.
WHITTLE_INLINE void placeCodes(const XCode* row, int64_t r, int64_t rows, XCode* block) {
  const bool paired = (r | 1) < rows;
  XCode* const first = block + (paired ? (r & ~1) * kBlockCodes + (r & 1) * 8 : r * kBlockCodes);
  for (int64_t i = 0; i < kBlockCodes; i += 8) std::memcpy(first + (paired ? 2 * i : i), row + i, 8);
}

template <int R, typename>
class CodeSums {
 public:
  template <typename Start>
  WHITTLE_INLINE explicit CodeSums(Start&& start) {
    WHITTLE_UNROLL
    for (int r = 0; r + 1 < R; r += 2) sums_[r] = sums_[r + 1] = int32x4_t{start(r), start(r), start(r + 1), start(r + 1)};
    if constexpr (alone) sums_[R - 1] = sums_[R] = int32x4_t{start(R - 1), 0, start(R - 1), 0};
  }

  WHITTLE_INLINE void add(int j, CodeVec w, const XCode* codes) {
    const int first = j / 2 * 8, half = j % 2;
    WHITTLE_UNROLL
    for (int r = 0; r + 1 < R; r += 2) {
      sums_[r + half] = vmmlaq_s32(sums_[r + half], vld1q_s8(codes + r * kBlockCodes + 2 * first), signedBytes(w));
    }
    if constexpr (alone) {
      int64_t eight;
      std::memcpy(&eight, codes + (R - 1) * kBlockCodes + first, sizeof eight);
      sums_[R - 1 + half] = vdotq_s32(sums_[R - 1 + half], signedBytes(w), vreinterpretq_s8_s64(vdupq_n_s64(eight)));
    }
  }

  WHITTLE_INLINE CodeVec end(int r, int32_t) const {
    if (alone && r == R - 1) return vreinterpretq_u32_s32(vpaddq_s32(sums_[R - 1], sums_[R]));
    const int64x2_t low = vreinterpretq_s64_s32(sums_[r & ~1]), high = vreinterpretq_s64_s32(sums_[r | 1]);
    return vreinterpretq_u32_s64(r % 2 == 0 ? vtrn1q_s64(low, high) : vtrn2q_s64(low, high));
  }

 private:
  static constexpr int alone = R % 2;
  // Of a pair: both rows with the panel's first two, then with its other two. Of the row left over: two parts of each sum, side by side.
  int32x4_t sums_[R + alone];
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
