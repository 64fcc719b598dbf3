// Products of R rows of codes with a panel of a weight: the inner loop of `linear.q8` and the ops that fuse it.
//
// Every product of a row with a row is formed in one order, whatever the tile it stands in: along the blocks, sum = integer sum · (scale of x ·
// scale of w) + sum, fused where the instruction set fuses. So one row alone and the same row among 512 give the same bits.
#pragma once

#include "code-panel-k.h"
#include "coded-rows.h"

namespace WHITTLE_KERNEL_NAMESPACE {

template <int R, typename Format>
WHITTLE_INLINE void codeTile(const CodedTile& x, const PanelBlock<Format>* panel, int64_t blocks, Vec* sums) {
  using Coding = Coded<Format>;
  using Dot = typename Coding::Dot;
  constexpr int units = Coding::units, vectors = kCodeVecs / units;
  const XCode* codes = x.codes;
  const float* scales = x.scales;
  const int32_t* starts = x.starts;
  const auto start = [&](int u, int r) { return Coding::mins ? 0 : starts[u * R + r]; };
  for (int64_t b = 0; b < blocks; b++, panel++, codes += R * kBlockCodes, scales += R, starts += R * units) {
#pragma GCC unroll 2
    for (int u = 0; u < units; u++) {
      decltype(Dot::begin(0)) parts[R];
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) parts[r] = Dot::begin(start(u, r));
#pragma GCC unroll 16
      for (int j = u * vectors; j < (u + 1) * vectors; j++) {
        const CodeVec w = panel->codes[j];
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) parts[r] = Dot::add(parts[r], w, codes + r * kBlockCodes + j * kCodesALane);
      }
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) {
        const Vec whole = toFloats(Dot::end(parts[r], start(u, r)));
        sums[r] = multiplyAdd(whole, splat(scales[r]) * panel->scales[u], sums[r]);
        if constexpr (Coding::mins) sums[r] = multiplyAdd(splat(scales[r] * static_cast<float>(-starts[r])), panel->scales[units], sums[r]);
      }
    }
  }
}

// Where the products of a weight go.
template <typename Format>
struct Product {
  Rows<Format> w;
  const float* bias;
  int64_t outs;
  float* y;
  int64_t yStride;

  int64_t groups() const { return (outs + kLanes - 1) / kLanes; }
};

// Adds what some blocks give to the sums that wait in y (the first blocks begin them; the last ones end them with the bias).
template <int R, typename Format>
inline void tileOf(const CodedTile& x, const PanelBlock<Format>* panel, int64_t blocks, const Product<Format>& product, int64_t out,
                   bool begins, bool ends) {
  const int64_t count = smaller(kLanes, product.outs - out);
  float* const y = product.y + x.first * product.yStride + out;
  Vec sums[R];
  for (int r = 0; r < R; r++) {
    const float* from = y + r * product.yStride;
    sums[r] = begins ? splat(0.0f) : count == kLanes ? load(from) : loadPart(from, count);
  }
  codeTile<R>(x, panel, blocks, sums);
  const bool biased = ends && product.bias;
  const Vec bias = !biased ? splat(0.0f) : count == kLanes ? load(product.bias + out) : loadPart(product.bias + out, count);
  for (int r = 0; r < R; r++) {
    const Vec sum = biased ? sums[r] + bias : sums[r];
    float* to = y + r * product.yStride;
    if (count == kLanes) {
      store(to, sum);
    } else {
      storePart(to, sum, count);
    }
  }
}

// The same, for as many rows as the tile has.
template <typename Format, int R = kCodedTile>
inline void tileOfRows(const CodedTile& x, const PanelBlock<Format>* panel, int64_t blocks, const Product<Format>& product, int64_t out,
                       bool begins, bool ends) {
  if (x.rows == R) return tileOf<R>(x, panel, blocks, product, out, begins, ends);
  if constexpr (R > 1) tileOfRows<Format, R - 1>(x, panel, blocks, product, out, begins, ends);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
