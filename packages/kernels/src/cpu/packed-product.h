// y = x · weightᵀ + bias for many rows (a prompt): both sides are copied, widened to f32 (but Bf16Pairs), into the order in which the inner
// loop reads them, so that a tile walks along two streams whatever the rows' stride.
//
// The sums of a tile are those of dot-tile.h, term by term: what is copied is the same numbers, with the zeros that pad the last part.
#pragma once

#include "blocks.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Rows in groups of `together` (the last may be smaller). A group holds for each step of a vector's elements one vector of each of its
// rows.
struct PackedRows {
  float* data;
  int64_t rows;
  int64_t together;
  int64_t steps;

  static int64_t floats(int64_t rows, int64_t steps) { return rows * steps * kLanes; }
  int64_t groups() const { return (rows + together - 1) / together; }
  int64_t size(int64_t group) const { return smaller(together, rows - group * together); }
  float* at(int64_t group, int64_t step) const { return data + (group * together * steps + step * size(group)) * kLanes; }
};

template <typename Format>
inline void packRow(const typename Format::Stored* row, int64_t depth, int64_t size, float* packed) {
  if constexpr (isBlock(Format::dtype)) {
    static thread_local Scratch<float> scratch;
    float* wide = scratch.get(depth);
    decodeRow<Format>(row, wide, depth);
    packRow<F32>(wide, depth, size, packed);
  } else {
    constexpr int64_t elements = kElements<Format>;
    int64_t k = 0;
    for (; k + elements <= depth; k += elements, packed += size * kLanes) store(packed, Format::loadVec(row + k));
    if (k < depth) store(packed, loadPart<Format>(row + k, depth - k));
  }
}

// A group of `rows`.
template <typename Format>
inline void packGroup(Rows<Format> rows, int64_t depth, const PackedRows& packed, int64_t group) {
  for (int64_t i = 0; i < packed.size(group); i++) {
    packRow<Format>(rows[group * packed.together + i], depth, packed.size(group), packed.at(group, 0) + i * kLanes);
  }
}

// A stretch of the depth. The sums of a tile wait in memory between one and the next.
struct Stretch {
  int64_t steps;
  bool first;
  bool last;
};

// y[r][o] = x[r] · w[o] + bias[o] for R rows and O outputs along a stretch.
template <typename X, int R, int O>
WHITTLE_INLINE void packedTile(const float* x, const float* w, const Stretch& stretch, float* waiting, const float* bias, float* y,
                               int64_t yStride) {
  Vec sums[R * O];
  WHITTLE_UNROLL
  for (int i = 0; i < R * O; i++) sums[i] = stretch.first ? splat(0.0f) : load(waiting + i * kLanes);
  for (int64_t step = 0; step < stretch.steps; step++, x += R * kLanes, w += O * kLanes) {
    Vec wide[O];
    WHITTLE_UNROLL
    for (int o = 0; o < O; o++) wide[o] = load(w + o * kLanes);
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) {
      const Vec a = load(x + r * kLanes);
      WHITTLE_UNROLL
      for (int o = 0; o < O; o++) sums[r * O + o] = addProducts<X>(a, wide[o], sums[r * O + o]);
    }
  }
  if (!stretch.last) {
    WHITTLE_UNROLL
    for (int i = 0; i < R * O; i++) store(waiting + i * kLanes, sums[i]);
    return;
  }
  WHITTLE_UNROLL
  for (int r = 0; r < R; r++) {
    if constexpr (O == 4) {
      Vec4 four = sumLanes(sums[r * O], sums[r * O + 1], sums[r * O + 2], sums[r * O + 3]);
      if (bias) {
        Vec4 more;
        std::memcpy(&more, bias, sizeof more);
        four += more;
      }
      std::memcpy(y + r * yStride, &four, sizeof four);
    } else {
      WHITTLE_UNROLL
      for (int o = 0; o < O; o++) {
        const float sum = sumLanes(sums[r * O + o]);
        y[r * yStride + o] = bias ? sum + bias[o] : sum;
      }
    }
  }
}

// Steps of a stretch, at most: a group of x and two of w fit the first-level cache. Rows of no more than twice as many are one stretch:
// taking sums up again costs more than what falls out of that cache.
constexpr int64_t kStretchSteps = 1024 / kLanes;
// Rows that go through a panel of outputs together, at most: they and their waiting sums fit the second-level cache.
constexpr int64_t kPartRows = 21 * kDotRows;
// Rows that are packed at a time, at most.
constexpr int64_t kPackedRows = 8 * kPartRows;

// A panel of outputs for some rows of x, those from group `from` on.
template <typename X>
inline void multiplyPanel(const PackedRows& x, int64_t from, int64_t to, const PackedRows& w, const float* bias, float* y,
                          int64_t yStride) {
  static thread_local Scratch<float> scratch;
  constexpr int64_t tile = kDotRows * kDotOuts * kLanes;
  float* const waiting = scratch.get((to - from) * w.groups() * tile);
  const int64_t stretches = x.steps <= 2 * kStretchSteps ? 1 : (x.steps + kStretchSteps - 1) / kStretchSteps;
  const int64_t length = (x.steps + stretches - 1) / stretches;
  int64_t begin = 0;
  do {
    const Stretch stretch{smaller(length, x.steps - begin), begin == 0, begin + length >= x.steps};
    for (int64_t rowGroup = from; rowGroup < to; rowGroup++) {
      withCount<kDotRows>(x.size(rowGroup), [&](auto rows) {
        for (int64_t outGroup = 0; outGroup < w.groups(); outGroup++) {
          withCount<kDotOuts>(w.size(outGroup), [&](auto outs) {
            packedTile<X, rows(), outs()>(
                x.at(rowGroup, begin), w.at(outGroup, begin), stretch, waiting + ((rowGroup - from) * w.groups() + outGroup) * tile,
                bias ? bias + outGroup * kDotOuts : nullptr, y + rowGroup * kDotRows * yStride + outGroup * kDotOuts, yStride);
          });
        }
      });
    }
    begin += length;
  } while (begin < x.steps);
}

// Outputs of a panel: as many as half of a 1 MiB second-level cache holds.
inline int64_t panelOf(int64_t steps) {
  const int64_t fit = 384 * 1024 / (4 * steps * kLanes + 1) / kDotOuts * kDotOuts;
  return fit < 16 ? 16 : fit > 64 ? 64 : fit;
}

// `packOut(out, size, packed)` packs a row of the weight into a group of `size`, as packRow does.
template <typename X, typename PackOut>
inline void manyRowsPacked(const Call& call, int64_t rows, Rows<X> x, const PackOut& packOut, const float* bias, int64_t depth,
                           int64_t outs, float* y, int64_t yStride) {
  static thread_local Scratch<float> xScratch;
  const int64_t steps = (depth + kElements<X> - 1) / kElements<X>;
  const int64_t panel = panelOf(steps), panels = (outs + panel - 1) / panel;
  for (int64_t first = 0; first < rows; first += kPackedRows) {
    const int64_t count = smaller(kPackedRows, rows - first);
    const PackedRows packed{xScratch.get(PackedRows::floats(count, steps)), count, kDotRows, steps};
    const int64_t groups = packed.groups();
    call.workers.parallelFor(groups, 1 + 16 * 1024 / (depth * kDotRows + 1), [&](int64_t from, int64_t to) {
      for (int64_t group = from; group < to; group++) packGroup<X>({x[first], x.stride}, depth, packed, group);
    });
    const int64_t parts = (count + kPartRows - 1) / kPartRows, partGroups = (groups + parts - 1) / parts;
    call.workers.parallelFor(panels * parts, 1, [&](int64_t from, int64_t to) {
      static thread_local Scratch<float> wScratch;
      PackedRows wide{wScratch.get(PackedRows::floats(panel, steps)), 0, kDotOuts, steps};
      int64_t present = -1;
      for (int64_t item = from; item < to; item++) {
        const int64_t out = item / parts * panel, group = item % parts * partGroups;
        if (out != present) {
          present = out;
          wide.rows = smaller(panel, outs - out);
          for (int64_t i = 0; i < wide.rows; i++) {
            const int64_t within = i % kDotOuts;
            packOut(out + i, wide.size(i / kDotOuts), wide.at(i / kDotOuts, 0) + within * kLanes);
          }
        }
        multiplyPanel<X>(packed, group, smaller(group + partGroups, groups), wide, bias ? bias + out : nullptr, y + first * yStride + out,
                         yStride);
      }
    });
  }
}

template <typename X, typename Format>
inline void manyRows(const Call& call, int64_t rows, Rows<X> x, Rows<Format> w, const float* bias, int64_t depth, int64_t outs, float* y,
                     int64_t yStride) {
  const auto packOut = [&](int64_t out, int64_t size, float* packed) { packRow<Format>(w[out], depth, size, packed); };
  manyRowsPacked(call, rows, x, packOut, bias, depth, outs, y, yStride);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
