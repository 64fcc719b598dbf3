// Integer sums of R rows of codes with the rows of a panel, over some vectors of a block; and how a tile's rows lie in a block for them.
//
// add(j, w, codes): `w` is vector j of a block of the panel, `codes` what the tile has of that block. end(r, start): row r, a lane for each
// row of the panel.
#pragma once

#include "code-vec.h"

#if defined(__ARM_FEATURE_MATMUL_INT8)
#include "code-sums-i8mm.h"
#else

namespace WHITTLE_KERNEL_NAMESPACE {

// Puts row r of a tile into a block: row after row.
WHITTLE_INLINE void placeCodes(const XCode* row, int64_t r, int64_t, XCode* block) {
  std::memcpy(block + r * kBlockCodes, row, kBlockCodes * sizeof(XCode));
}

template <int R, typename Dot>
class CodeSums {
 public:
  // start(r): what the sums of row r begin with.
  template <typename Start>
  WHITTLE_INLINE explicit CodeSums(Start&& start) {
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) sums_[r] = Dot::begin(start(r));
  }

  WHITTLE_INLINE void add(int j, CodeVec w, const XCode* codes) {
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) sums_[r] = Dot::add(sums_[r], w, codes + r * kBlockCodes, j);
  }

  WHITTLE_INLINE auto end(int r, int32_t start) const { return Dot::end(sums_[r], start); }

 private:
  decltype(Dot::begin(0)) sums_[R];
};

}  // namespace WHITTLE_KERNEL_NAMESPACE

#endif
