// Rows turned by a quarter for products of many rows: for each lane of a vector in which dot-tile.h would read a row, what that lane would
// see, step by step, with several rows side by side.
#pragma once

#include "blocks.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// A row as the lanes of vectors: floats, or pairs of bf16.
template <typename Format>
struct LaneRow {
  const typename Format::Stored* row;
  int64_t depth;

  // `lanes` of them, whole vectors, from number `from` on; zeros behind the last one. In `room` or where they are.
  const float* read(int64_t from, int64_t lanes, float* room) const {
    constexpr int64_t elements = kElements<Format> / kLanes;
    const typename Format::Stored* const at = row + from * elements / blockElementsOf(Format::dtype);
    const int64_t count = smaller(lanes * elements, depth - from * elements);
    if constexpr (sizeof(typename Format::Stored) * elements == sizeof(float)) {
      if (count == lanes * elements) return reinterpret_cast<const float*>(at);
      std::memcpy(room, at, static_cast<size_t>(count) * sizeof(typename Format::Stored));
      std::memset(reinterpret_cast<typename Format::Stored*>(room) + count, 0,
                  static_cast<size_t>(lanes * elements - count) * sizeof(typename Format::Stored));
    } else {
      decodeRow<Format>(at, room, count);
      std::memset(room + count, 0, static_cast<size_t>(lanes - count) * sizeof(float));
    }
    return room;
  }
};

// Lanes that are read of a row at a time: whole blocks of every format.
constexpr int64_t kLanesAtOnce = 256;

// Packs `count` rows, at most C vectors of them: step s of lane l has those of all rows from packed[l · laneStride + s · stepStride] on.
// What stands in whole vectors behind the last row, and a vector behind a lane's last step, is overwritten. `rowOf(i)` begins a row as
// LaneRow does.
template <int C, typename RowOf>
inline void packLanes(const RowOf& rowOf, int64_t count, int64_t steps, float* packed, int64_t laneStride, int64_t stepStride) {
  constexpr int64_t most = C * kLanes, stepsAtOnce = kLanesAtOnce / kLanes;
  const int64_t vecs = (count + kLanes - 1) / kLanes;
  alignas(64) float room[most][kLanesAtOnce];
  decltype(rowOf(0)) rows[most];
  const float* at[most];
  for (int64_t i = 0; i < vecs * kLanes; i++) rows[i] = rowOf(smaller(i, count - 1));
  for (int64_t begin = 0; begin < steps; begin += stepsAtOnce) {
    const int64_t some = smaller(stepsAtOnce, steps - begin);
    for (int64_t i = 0; i < vecs * kLanes; i++) at[i] = rows[i].read(begin * kLanes, some * kLanes, room[i]);
    for (int64_t step = 0; step < some; step++) {
      for (int64_t vec = 0; vec < vecs; vec++) {
        Vec square[kLanes];
        WHITTLE_UNROLL
        for (int i = 0; i < kLanes; i++) square[i] = load(at[vec * kLanes + i] + step * kLanes);
        transposeLanes(square);
        float* const to = packed + (begin + step) * stepStride + vec * kLanes;
        WHITTLE_UNROLL
        for (int lane = 0; lane < kLanes; lane++) store(to + lane * laneStride, square[lane]);
      }
    }
  }
}

// The tile of sums that fills the registers, with the vectors of outputs and a number of x: rows of x, and vectors of outputs.
#if defined(WHITTLE_AVX512) || defined(WHITTLE_NEON)
constexpr int kGroupRows = 12;
#else
constexpr int kGroupRows = 6;
#endif
constexpr int kPanelVecs = 2;
constexpr int64_t kPanelOuts = kPanelVecs * kLanes;

// Rows of x in groups of nearly equal size.
struct PackedRows {
  float* data;
  int64_t rows;
  int64_t steps;

  // A vector more, for what packLanes overwrites; it keeps the lanes from falling into the same places of a cache, too.
  int64_t laneStride() const { return roundUp(steps * kGroupRows, kLanes) + kLanes; }
  int64_t groups() const { return (rows + kGroupRows - 1) / kGroupRows; }
  int64_t floats() const { return groups() * kLanes * laneStride(); }
  int64_t first(int64_t group) const { return group * rows / groups(); }
  int64_t size(int64_t group) const { return first(group + 1) - first(group); }
  float* at(int64_t group) const { return data + group * kLanes * laneStride(); }

  template <typename X>
  void pack(Rows<X> x, int64_t depth, int64_t group) const {
    constexpr int vecs = (kGroupRows + kLanes - 1) / kLanes;
    const auto rowOf = [&](int64_t i) { return LaneRow<X>{x[first(group) + i], depth}; };
    packLanes<vecs>(rowOf, size(group), steps, at(group), laneStride(), size(group));
  }
};

// kPanelOuts rows of a weight.
struct PackedPanel {
  float* data;
  int64_t steps;

  int64_t laneStride() const { return steps * kPanelOuts + kLanes; }
  int64_t floats() const { return kLanes * laneStride(); }

  // Those from `out` on of `outs`; where there are fewer, the sums of the others are of no meaning.
  template <typename RowOf>
  void pack(const RowOf& rowOf, int64_t out, int64_t outs) const {
    for (int64_t from = 0; from < smaller(kPanelOuts, outs - out); from += kLanes) {
      packLanes<1>([&](int64_t i) { return rowOf(out + from + i); }, smaller(kLanes, outs - out - from), steps, data + from, laneStride(),
                   kPanelOuts);
    }
  }
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
