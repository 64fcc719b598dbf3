// y = x · weightᵀ + bias by tiles of AMX, for `linear.bf16` and the ops that fuse it: what product.h does, for rows packed in tiles.
//
// Sixteen outputs are the first factor, so that a weight is multiplied as it is stored; up to sixteen rows of x are the second one. Two by
// two such tiles and their four of sums use up all eight.
//
// Every product of a row with a row is formed in one order, whatever the tile it stands in: what an instruction adds up of kTileDepth
// columns is added to the sum step by step, the last part padded with zeros. So one row alone and the same row among 512 give the same
// bits.
#pragma once

#include "ahead.h"
#include "product.h"
#include "rounded-tiles.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Tiles: sums of outputs o and rows r in 2·o + r, then two of outputs and two of rows.
constexpr int kOutTile = 4, kRowTile = 6;
constexpr int64_t kTileOuts = 2 * kTileRows, kTileElements = kTileRows * kTileDepth;

constexpr TileShapes productShapes(int64_t width) {
  TileShapes shapes;
  for (int i = 0; i < kOutTile; i++) shapes.set(i, kTileRows, 4 * width);
  for (int i = kOutTile; i < kRowTile; i++) shapes.set(i, kTileRows, kTileRowBytes);
  for (int i = kRowTile; i < 8; i++) shapes.set(i, kTileRowBytes / 4, 4 * width);
  return shapes;
}

// Copies `count` rows of the weight as tiles, from step `from` on: zeros stand for rows and columns that are not there.
inline void copyTiles(Rows<Bf16Tiles> w, int64_t count, int64_t depth, int64_t from, uint16_t* tiles) {
  const int64_t steps = (depth + kTileDepth - 1) / kTileDepth;
  for (int64_t step = from; step < steps; step++, tiles += kTileElements) {
    const int64_t column = step * kTileDepth;
    const size_t bytes = static_cast<size_t>(smaller(kTileDepth, depth - column)) * sizeof(uint16_t);
    for (int64_t row = 0; row < kTileRows; row++) {
      uint16_t* const to = tiles + row * kTileDepth;
      if (row < count && bytes == kTileRowBytes) {
        std::memcpy(to, w[row] + column, kTileRowBytes);
      } else {
        std::memset(to, 0, kTileRowBytes);
        if (row < count) std::memcpy(to, w[row] + column, bytes);
      }
    }
  }
}

// Outputs, sixteen to a tile: `direct` steps are read where they are stored, the others from copies.
struct OutTiles {
  Rows<Bf16Tiles> stored;
  int64_t count, steps, direct;
  const uint16_t* copies;

  int64_t groups() const { return (count + kTileRows - 1) / kTileRows; }
  const uint16_t* storedAt(int64_t group, int64_t step) const { return stored[group * kTileRows] + step * kTileDepth; }
  const uint16_t* copiedAt(int64_t group, int64_t step) const {
    return copies + (group * (steps - direct) + step - direct) * kTileElements;
  }
  OutTiles from(int64_t group) const {
    const int64_t at = group * kTileRows;
    return {{stored[at], stored.stride}, count - at, steps, direct, copiedAt(group, direct)};
  }
};

// Copies what tiles cannot read directly, or everything.
inline OutTiles outTiles(Rows<Bf16Tiles> w, int64_t count, int64_t depth, bool copyAll, Scratch<uint16_t>& scratch) {
  const int64_t steps = (depth + kTileDepth - 1) / kTileDepth;
  OutTiles tiles{w, count, steps, copyAll || count % kTileRows != 0 ? 0 : depth / kTileDepth, nullptr};
  const int64_t copied = (steps - tiles.direct) * kTileElements;
  uint16_t* const copies = scratch.get(tiles.groups() * copied + 1);
  for (int64_t group = 0; group < tiles.groups(); group++) {
    const int64_t at = group * kTileRows;
    copyTiles({w[at], w.stride}, smaller(kTileRows, count - at), depth, tiles.direct, copies + group * copied);
  }
  tiles.copies = copies;
  return tiles;
}

// Tiles along the depth: bytes from a row of one to the next row, elements from one to the next.
struct TilePath {
  const uint16_t* first;
  const uint16_t* second;
  int64_t stride, step;
};

// sums += w · x for O by R tiles along `steps` steps.
template <int O, int R>
WHITTLE_INLINE void addSteps(TilePath w, TilePath x, int64_t steps, Ahead ahead) {
  for (; steps > 0; steps--) {
    ahead.fetch();
    loadTile<kRowTile>(x.first, x.stride);
    loadTile<kOutTile>(w.first, w.stride);
    addPairProducts<0, kOutTile, kRowTile>();
    if constexpr (R == 2) {
      loadTile<kRowTile + 1>(x.second, x.stride);
      addPairProducts<1, kOutTile, kRowTile + 1>();
    }
    if constexpr (O == 2) {
      loadTile<kOutTile + 1>(w.second, w.stride);
      addPairProducts<2, kOutTile + 1, kRowTile>();
      if constexpr (R == 2) addPairProducts<3, kOutTile + 1, kRowTile + 1>();
    }
    w.first += w.step;
    w.second += w.step;
    x.first += x.step;
    x.second += x.step;
  }
}

// Where the products of some outputs go.
struct TileTarget {
  const float* bias;
  float* y;
  int64_t yStride;
};

// Writes sums of `rows` rows and `outs` outputs, which lie by outputs, a row in each column.
inline void writeSums(const float* sums, int64_t rows, int64_t outs, const float* bias, float* y, int64_t yStride) {
  const Vec add = !bias ? splat(0.0f) : outs == kLanes ? load(bias) : loadPart(bias, outs);
  constexpr int64_t together = 4;
  for (int64_t row = 0; row < rows; row += together) {
    CodeVec turned[together];
    gather16([&](int out) { return sums + out * kTileRows + row; }, turned);
    for (int64_t i = 0; i < smaller(together, rows - row); i++) {
      const Vec v = reinterpret_cast<Vec>(turned[i]), sum = bias ? v + add : v;
      float* const to = y + (row + i) * yStride;
      if (outs == kLanes) {
        store(to, sum);
      } else {
        storePart(to, sum, outs);
      }
    }
  }
}

// A stretch of the steps. The sums of a tile wait in memory between one and the next.
struct TileStretch {
  int64_t from, to;
  bool first, last;
};

// Calls body(the tile of sums, o, r), constants all.
template <int O, int R, typename Body>
WHITTLE_INLINE void eachSums(Body&& body) {
  const auto call = [&]<int o, int r>() { body(std::integral_constant<int, 2 * o + r>{}, o, r); };
  call.template operator()<0, 0>();
  if constexpr (R == 2) call.template operator()<0, 1>();
  if constexpr (O == 2) call.template operator()<1, 0>();
  if constexpr (O == 2 && R == 2) call.template operator()<1, 1>();
}

// O groups of outputs by R groups of rows from `group` on. `waiting`: the sums' place between stretches, as much as four tiles.
template <int O, int R>
inline void multiplyTiles(const RoundedTiles& x, int64_t group, const OutTiles& w, const TileStretch& stretch, Ahead ahead, float* waiting,
                          const TileTarget& target) {
  constexpr int64_t sumElements = kTileBytes / sizeof(float);
  eachSums<O, R>([&](auto tile, int, int) {
    if (stretch.first) {
      zeroTile<tile()>();
    } else {
      loadTile<tile()>(waiting + tile() * sumElements, kTileRowBytes);
    }
  });
  const auto along = [&](int64_t from, int64_t to, const uint16_t* first, const uint16_t* second, int64_t stride, int64_t step) {
    const TilePath rows{x.tile(group, from), x.tile(group + R - 1, from), 4 * x.width(), x.tileElements()};
    addSteps<O, R>({first, second, stride, step}, rows, to - from, ahead);
  };
  const int64_t middle = smaller(stretch.to, w.direct > stretch.from ? w.direct : stretch.from);
  if (stretch.from < middle) {
    const int64_t stride = w.stored.stride * static_cast<int64_t>(sizeof(uint16_t));
    along(stretch.from, middle, w.storedAt(0, stretch.from), w.storedAt(O - 1, stretch.from), stride, kTileDepth);
  }
  if (middle < stretch.to) along(middle, stretch.to, w.copiedAt(0, middle), w.copiedAt(O - 1, middle), kTileRowBytes, kTileElements);
  eachSums<O, R>([&](auto tile, int o, int r) {
    float* const sums = waiting + tile() * sumElements;
    storeTile<tile()>(sums, kTileRowBytes);
    if (!stretch.last) return;
    const int64_t out = o * kTileRows, row = (group + r) * kTileRows;
    writeSums(sums, smaller(kTileRows, x.rows() - row), smaller(kTileRows, w.count - out), target.bias ? target.bias + out : nullptr,
              target.y + row * target.yStride + out, target.yStride);
  });
}

// Two groups of outputs by two of rows, or what there is of them up to group `lastGroup` of the rows.
inline void multiplySomeTiles(const RoundedTiles& x, int64_t group, int64_t lastGroup, const OutTiles& w, const TileStretch& stretch,
                              Ahead ahead, float* waiting, const TileTarget& target) {
  withCount<2>(smaller(2, w.groups()), [&](auto outs) {
    withCount<2>(smaller(2, lastGroup - group),
                 [&](auto rows) { multiplyTiles<outs(), rows()>(x, group, w, stretch, ahead, waiting, target); });
  });
}

template <>
constexpr bool packsPanels<Bf16Tiles> = false;

constexpr int64_t kWaitingSums = 4 * kTileBytes / static_cast<int64_t>(sizeof(float));

template <>
inline void productOfFewRows<Bf16Tiles>(const Tensor& xTensor, const Tensor& weight, const float* bias, int64_t from, int64_t to,
                                        const Tensor& y) {
  static thread_local Scratch<uint16_t> scratch;
  alignas(64) float waiting[kWaitingSums];
  const RoundedTiles x(xTensor);
  const Rows<Bf16Tiles> w = rowsAs<Bf16Tiles>(weight);
  const TileStretch all{0, x.steps(), true, true};
  const Tiles tiles(productShapes(x.width()));
  for (int64_t out = from; out < to;) {
    // Sixteen alone rather than to copy more than the last few.
    const int64_t left = to - out, count = left >= kTileOuts ? kTileOuts : smaller(kTileRows, left);
    const OutTiles outs = outTiles({w[out], w.stride}, count, x.depth(), false, scratch);
    for (int64_t group = 0; group < x.groups(); group += 2) {
      // The first rows to pass have the next outputs brought.
      const Ahead ahead(w[out + count], group == 0 ? count * kTileRowBytes : 0);
      multiplySomeTiles(x, group, x.groups(), outs, all, ahead, waiting, {bias ? bias + out : nullptr, y.row<float>(0) + out, y.rowStride});
    }
    out += count;
  }
}

// Steps of a stretch: what two groups of rows have of it stays in the first-level cache while outputs pass. Rows of no more than twice as
// many are one stretch.
constexpr int64_t kTileStretch = 16;
// Groups of rows that go through a panel of outputs together.
constexpr int64_t kPartGroups = 8;

// Outputs of a panel: as many as half of a 1 MiB second-level cache holds.
inline int64_t tilePanelOf(int64_t steps) {
  const int64_t fit = 512 * 1024 / (steps * kTileRowBytes + 1) / kTileOuts * kTileOuts;
  return fit < kTileOuts ? kTileOuts : smaller(fit, 4 * kTileOuts);
}

// A panel of copied outputs for the groups of rows from `group` on.
inline void multiplyTilePanel(const RoundedTiles& x, int64_t group, int64_t lastGroup, const OutTiles& w, const TileTarget& target) {
  static thread_local Scratch<float> scratch;
  const int64_t pairs = (w.groups() + 1) / 2;
  float* const waiting = scratch.get(pairs * kWaitingSums);
  const int64_t stretches = w.steps <= 2 * kTileStretch ? 1 : (w.steps + kTileStretch - 1) / kTileStretch;
  const int64_t length = (w.steps + stretches - 1) / stretches;
  for (; group < lastGroup; group += 2) {
    int64_t begin = 0;
    do {
      const TileStretch stretch{begin, smaller(begin + length, w.steps), begin == 0, begin + length >= w.steps};
      for (int64_t pair = 0; pair < pairs; pair++) {
        const int64_t out = pair * kTileOuts;
        multiplySomeTiles(x, group, lastGroup, w.from(2 * pair), stretch, Ahead(nullptr, 0), waiting + pair * kWaitingSums,
                          {target.bias ? target.bias + out : nullptr, target.y + out, target.yStride});
      }
      begin += length;
    } while (begin < w.steps);
  }
}

// Panels of outputs, copied for a part of the rows each.
inline void productOfManyRows(const Call& call, const RoundedTiles& x, Rows<Bf16Tiles> w, const float* bias, int64_t outs,
                              const Tensor& y) {
  const int64_t panel = tilePanelOf(x.steps()), panels = (outs + panel - 1) / panel;
  const int64_t parts = (x.groups() + kPartGroups - 1) / kPartGroups;
  call.workers.parallelFor(panels * parts, 1, [&](int64_t from, int64_t to) {
    static thread_local Scratch<uint16_t> scratch;
    const Tiles tiles(productShapes(x.width()));
    OutTiles present{};
    int64_t presentOut = -1;
    for (int64_t item = from; item < to; item++) {
      const int64_t out = item / parts * panel, part = item % parts;
      if (out != presentOut) {
        present = outTiles({w[out], w.stride}, smaller(panel, outs - out), x.depth(), true, scratch);
        presentOut = out;
      }
      multiplyTilePanel(x, part * x.groups() / parts, (part + 1) * x.groups() / parts, present,
                        {bias ? bias + out : nullptr, y.row<float>(0) + out, y.rowStride});
    }
  });
}

template <>
inline void product<Bf16Tiles>(const Call& call, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& y) {
  const int64_t rows = x.rows(), outs = weight.rows();
  if (rows == 0 || outs == 0) return;
  static thread_local Scratch<float> scratch;
  const float* const biasRow = denseFloats(bias, scratch);
  if (rows > kFewRows) return productOfManyRows(call, RoundedTiles(x), rowsAs<Bf16Tiles>(weight), biasRow, outs, y);
  call.workers.parallelFor(outs, grainOfFewRows(rows, x.columns()),
                           [&](int64_t from, int64_t to) { productOfFewRows<Bf16Tiles>(x, weight, biasRow, from, to, y); });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
