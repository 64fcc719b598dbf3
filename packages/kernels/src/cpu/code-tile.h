// Products of R rows of codes with a panel of a weight: the inner loop of `linear.q8` and the ops that fuse it.
//
// Every product of a row with a row is formed in one order, whatever the tile it stands in: along the blocks, sum = integer sum · (scale of
// x · scale of w) + sum, fused where the instruction set fuses. So one row alone and the same row among 512 give the same bits.
#pragma once

#include "ahead.h"
#include "code-panel-k.h"
#include "coded-rows.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// The sum of row r of a tile, with what part `unit` of a block adds: `whole`, its integers, and `start`, what these began with.
template <typename Format>
WHITTLE_INLINE Vec addPart(Vec whole, float scale, int32_t start, const PanelBlock<Format>& panel, int unit, Vec sum) {
  const Vec more = multiplyAdd(whole, splat(scale) * panel.scales[unit], sum);
  if constexpr (!Coded<Format>::mins) return more;
  return multiplyAdd(splat(scale * static_cast<float>(-start)), panel.scales[Coded<Format>::units], more);
}

template <int R, typename Format>
WHITTLE_INLINE void codeTile(const CodedTile& x, const PanelBlock<Format>* panel, int64_t blocks, Ahead ahead, Vec* sums) {
  using Coding = Coded<Format>;
  constexpr int units = Coding::units, vectors = kCodeVecs / units;
  const XCode* codes = x.codes;
  const float* scales = x.scales;
  const int32_t* starts = x.starts;
  const auto start = [&](int u, int r) { return Coding::mins ? 0 : starts[u * R + r]; };
  for (int64_t b = 0; b < blocks; b++, panel++, codes += R * kBlockCodes, scales += R, starts += R * units) {
    ahead.fetch();
    WHITTLE_UNROLL
    for (int u = 0; u < units; u++) {
      CodeSums<R, typename Coding::Dot> parts([&](int r) { return start(u, r); });
      WHITTLE_UNROLL
      for (int j = u * vectors; j < (u + 1) * vectors; j++) parts.add(j, panel->codes[j], codes);
      WHITTLE_UNROLL
      for (int r = 0; r < R; r++) {
        const Vec whole = toFloats(parts.end(r, start(u, r)));
        sums[r] = addPart<Format>(whole, scales[r], starts[r], *panel, u, sums[r]);
      }
    }
  }
}

#ifndef WHITTLE_AMX
// Multiplies tiles of R rows with panels.
template <int R, typename Format>
struct PanelProduct {
  WHITTLE_INLINE void operator()(const CodedTile& x, const PanelBlock<Format>* panel, int64_t blocks, Ahead ahead, Vec* sums) const {
    codeTile<R>(x, panel, blocks, ahead, sums);
  }
};
#endif

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

// The sums of R rows and kLanes outputs from `out` on, as far as there are outputs, while they are formed.
template <int R, typename Format>
class TileSums {
 public:
  TileSums(const CodedTile& x, const Product<Format>& product, int64_t out)
      : product_(product), out_(out), count_(smaller(kLanes, product.outs - out)), y_(product.y + x.first * product.yStride + out) {}

  WHITTLE_INLINE void begin() {
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) sums[r] = splat(0.0f);
  }
  // Go on with what `wait` left in y.
  WHITTLE_INLINE void goOn() {
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) sums[r] = some(y_ + r * product_.yStride);
  }
  WHITTLE_INLINE void wait() const {
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) put(r, sums[r]);
  }
  WHITTLE_INLINE void end() const {
    if (!product_.bias) return wait();
    const Vec bias = some(product_.bias + out_);
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) put(r, sums[r] + bias);
  }

  Vec sums[R];

 private:
  WHITTLE_INLINE Vec some(const float* p) const { return count_ == kLanes ? load(p) : loadPart(p, count_); }
  WHITTLE_INLINE void put(int r, Vec v) const {
    float* const to = y_ + r * product_.yStride;
    if (count_ == kLanes) {
      store(to, v);
    } else {
      storePart(to, v, count_);
    }
  }

  const Product<Format>& product_;
  const int64_t out_, count_;
  float* const y_;
};

// Calls body(the number of rows, as a constant); a tile has no less than `least`.
template <int least = 1, int R = kCodedTile, typename Body>
WHITTLE_INLINE void withRowCount(int64_t rows, Body&& body) {
  if (rows == R) return body(std::integral_constant<int, R>{});
  if constexpr (R > least) withRowCount<least, R - 1>(rows, body);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
