// y = x · weightᵀ + bias for many rows (a prompt), both sides packed: lanes are outputs, so that no lanes are ever summed, and a tile takes
// one vector of the weight for each of its rows' numbers.
//
// The bits are those of dot-tile.h: what a lane adds up there is added up here for one lane after the other, and these sums meet in the
// order in which sumLanes adds lanes.
#pragma once

#include "ahead.h"
#include "lane-order.h"
#include "packed-rows.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// The sums of a group of rows with a panel of outputs, kPanelVecs vectors to a row.
struct TileSums {
  Vec sums[kGroupRows * kPanelVecs];

  // Calls put(row, column, the sums from there on).
  template <typename Put>
  WHITTLE_INLINE void each(int64_t rows, const Put& put) const {
    for (int64_t r = 0; r < rows; r++) {
      for (int v = 0; v < kPanelVecs; v++) put(r, v * kLanes, at(r, v * kLanes));
    }
  }
  WHITTLE_INLINE Vec at(int64_t row, int64_t column) const { return sums[row * kPanelVecs + column / kLanes]; }
};

// Whether something is asked for with each lane, or once in a tile: where lanes are short (at 288 columns that is 5 % faster, at 2048 with
// few rows 5 % slower).
inline bool asksOften(int64_t steps) {
  return steps >= 48;
}

// R rows. `ahead`: what is asked for meanwhile.
template <typename X, int R, bool often>
inline void multiplyTile(const float* x, int64_t xStride, const PackedPanel& w, Ahead& ahead, TileSums& tile) {
  constexpr int V = kPanelVecs;
  if constexpr (!often) ahead.fetch();
  sumInLaneOrder<R * V>(
      tile.sums, [&](int64_t lane, Vec * parts) __attribute__((always_inline)) {
        const float *row = x + lane * xStride, *outs = w.data + lane * w.laneStride();
        if constexpr (often) ahead.fetch();
        Vec sums[R * V];
        WHITTLE_UNROLL
        for (int i = 0; i < R * V; i++) sums[i] = splat(0.0f);
        for (int64_t step = 0; step < w.steps; step++, row += R, outs += V * kLanes) {
          Vec wide[V];
          WHITTLE_UNROLL
          for (int v = 0; v < V; v++) wide[v] = load(outs + v * kLanes);
          WHITTLE_UNROLL
          for (int r = 0; r < R; r++) {
            const Vec a = splat(row[r]);
            WHITTLE_UNROLL
            for (int v = 0; v < V; v++) sums[r * V + v] = addProducts<X>(a, wide[v], sums[r * V + v]);
          }
        }
        WHITTLE_UNROLL
        for (int i = 0; i < R * V; i++) parts[i] = sums[i];
      });
}

template <typename X>
inline void multiplyGroup(const PackedRows& x, int64_t group, const PackedPanel& w, Ahead& ahead, TileSums& tile) {
  withCount<kGroupRows>(x.size(group), [&](auto rows) {
    if (asksOften(x.steps)) {
      multiplyTile<X, rows(), true>(x.at(group), x.laneStride(), w, ahead, tile);
    } else {
      multiplyTile<X, rows(), false>(x.at(group), x.laneStride(), w, ahead, tile);
    }
  });
}

// Writes the sums of `count` outputs of a row, whole vectors where there are as many.
WHITTLE_INLINE void storeSome(float* y, Vec v, int64_t count) {
  if (count >= kLanes) {
    store(y, v);
  } else if (count > 0) {
    storePart(y, v, count);
  }
}

// The biases of a panel of outputs; none: zeros that are not added.
struct PanelBias {
  Vec bias[kPanelVecs];
  bool present;

  PanelBias(const float* all, int64_t out, int64_t outs) : present(all != nullptr) {
    for (int v = 0; v < kPanelVecs && present; v++) {
      const int64_t at = out + v * kLanes, left = outs - at;
      bias[v] = left >= kLanes ? load(all + at) : left > 0 ? loadPart(all + at, left) : splat(0.0f);
    }
  }
  WHITTLE_INLINE Vec add(Vec sums, int64_t column) const { return present ? sums + bias[column / kLanes] : sums; }
};

// Where some outputs of a product go.
struct PanelTarget {
  const float* bias;
  int64_t outs;
  float* y;
  int64_t yStride;

  void write(const TileSums& tile, int64_t first, int64_t rows, int64_t out) const {
    const PanelBias more(bias, out, outs);
    float* const corner = y + first * yStride + out;
    tile.each(rows, [&](int64_t r, int64_t column, Vec sums) {
      storeSome(corner + r * yStride + column, more.add(sums, column), outs - out - column);
    });
  }
};

inline int64_t panelsOf(int64_t outs) {
  return (outs + kPanelOuts - 1) / kPanelOuts;
}

// Rows that are packed at a time, at most.
constexpr int64_t kPackedRows = 1024;
// Multiply-adds that are worth another thread, some 4 µs.
constexpr int64_t kSumsWorthAThread = 512 * 1024;
// So many rows are worth packing a weight for them alone that is not much larger than they are: then a thread multiplies the rows that it
// packed, and those that it will have in the next op, while lines that another core has written come over at a few GB/s (products of 512
// rows on two cores of a Zen 5: 288 to 288 columns 25 % faster, 1536 to 576 10 %).
constexpr int64_t kRowsOfAThread = 192, kWeightOfRows = 8;
// Fewer rows are parted only where there are too few panels to share out.
constexpr int64_t kItemsPerThread = 8;

// Calls body(first, rows) for parts of the rows of x, packed.
template <typename X, typename Body>
inline void withPackedRows(const Call& call, int64_t rows, Rows<X> x, int64_t depth, const Body& body) {
  static thread_local Scratch<float> scratch;
  const int64_t steps = (depth + kElements<X> - 1) / kElements<X>;
  for (int64_t first = 0; first < rows; first += kPackedRows) {
    PackedRows packed{nullptr, smaller(kPackedRows, rows - first), steps};
    packed.data = scratch.get(packed.floats());
    call.workers.parallelFor(packed.groups(), 1 + 16 * 1024 / (depth * kGroupRows + 1), [&](int64_t from, int64_t to) {
      for (int64_t group = from; group < to; group++) packed.pack<X>({x[first], x.stride}, depth, group);
    });
    body(first, packed);
  }
}

// All groups of rows with all panels: pack(panel, room) packs one into `floats` of room, multiply(panel, group, room, ahead) multiplies it.
// Meanwhile what ask(panel, steps) gives for the next one is asked for in as many steps.
template <typename Pack, typename Ask, typename Multiply>
inline void overPanels(const Call& call, const PackedRows& x, int64_t panels, int64_t floats, const Pack& pack, const Ask& ask,
                       const Multiply& multiply) {
  const int64_t groups = x.groups(), threads = call.workers.threads();
  const int64_t byRows = panels * floats > kWeightOfRows * x.floats() ? 1 : smaller(threads, x.rows / kRowsOfAThread);
  const int64_t byItems = (kItemsPerThread * threads + panels - 1) / panels;
  const int64_t parts = smaller(groups, byRows > byItems ? byRows : byItems);
  const int64_t work = x.rows / parts * x.steps * kLanes * kPanelOuts;
  call.workers.parallelFor(panels * parts, 1 + kSumsWorthAThread / (work + 1), [&](int64_t from, int64_t to) {
    static thread_local Scratch<float> scratch;
    float* const room = scratch.get(floats);
    int64_t present = -1;
    for (int64_t item = from; item < to; item++) {
      const int64_t part = item / panels, panel = item % panels;
      const int64_t begin = part * groups / parts, end = (part + 1) * groups / parts;
      if (panel != present) pack(panel, room);
      present = panel;
      auto ahead = ask(item + 1 < panels * parts ? (item + 1) % panels : panels, (end - begin) * (asksOften(x.steps) ? kLanes : 1));
      for (int64_t group = begin; group < end; group++) multiply(panel, group, room, ahead);
    }
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
