// y = x · Wᵀ + bias for weights that are kept sparse, in `product`'s order of summation: to the bit what it gives for W as a matrix. Few
// rows (decoding) stream the weight once, as stored; for many rows (a prompt) panels of it are widened to f32, as those of a matrix are.
#pragma once

#include "product.h"
#include "sparse-rows.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// result[r·O + o] = x[r] · w[o], as dotTile forms it.
template <int R, int O, typename Row>
WHITTLE_INLINE void sparseTile(const float* const* x, Row* w, int64_t depth, float* result) {
  Vec sums[R * O];
  WHITTLE_UNROLL
  for (Vec& sum : sums) sum = splat(0.0f);
  const auto step = [&](int64_t k) {
    Vec wide[O];
    WHITTLE_UNROLL
    for (int o = 0; o < O; o++) wide[o] = w[o].at(k);
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) {
      const Vec a = load(x[r] + k);
      WHITTLE_UNROLL
      for (int o = 0; o < O; o++) sums[r * O + o] = multiplyAdd(a, wide[o], sums[r * O + o]);
    }
  };
  int64_t k = 0;
  for (; k + kScaleColumns <= depth; k += kScaleColumns) {
    WHITTLE_UNROLL
    for (int o = 0; o < O; o++) w[o].enter(k);
    for (int64_t part = 0; part < kScaleColumns; part += kLanes) step(k + part);
  }
  if (k < depth) {
    WHITTLE_UNROLL
    for (int o = 0; o < O; o++) w[o].enter(k);
    for (; k + kLanes <= depth; k += kLanes) step(k);
  }
  if (k < depth) {
    Vec wide[O];
    WHITTLE_UNROLL
    for (int o = 0; o < O; o++) {
      float lanes[kLanes] = {};
      w[o].rest(k, depth, lanes);
      wide[o] = load(lanes);
    }
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) {
      const Vec a = loadPart(x[r] + k, depth - k);
      WHITTLE_UNROLL
      for (int o = 0; o < O; o++) sums[r * O + o] = multiplyAdd(a, wide[o], sums[r * O + o]);
    }
  }
  constexpr int whole = R * O / 4 * 4;
  WHITTLE_UNROLL
  for (int i = 0; i < whole; i += 4) {
    const Vec4 four = sumLanes(sums[i], sums[i + 1], sums[i + 2], sums[i + 3]);
    std::memcpy(result + i, &four, sizeof four);
  }
  WHITTLE_UNROLL
  for (int i = whole; i < R * O; i++) result[i] = sumLanes(sums[i]);
}

// A row as packLanes reads it, from left to right.
template <typename Row>
struct SparseLanes {
  Row w;
  int64_t depth;

  const float* read(int64_t from, int64_t lanes, float* room) {
    for (int64_t k = from; k < from + lanes; k += kLanes) {
      if (k % kScaleColumns == 0) w.enter(k);
      float* const to = room + k - from;
      if (k + kLanes <= depth) {
        store(to, w.at(k));
      } else {
        float rest[kLanes] = {};
        w.rest(k, depth, rest);
        store(to, load(rest));
      }
    }
    return room;
  }
};

template <typename RowOf>
inline void manySparseRows(const Call& call, int64_t rows, Rows<F32> x, const RowOf& rowOf, const float* bias, int64_t depth, int64_t outs,
                           float* y, int64_t yStride) {
  const PanelTarget target{bias, outs, y, yStride};
  const auto lanesOf = [&](int64_t out) { return SparseLanes<decltype(rowOf(0, 0))>{rowOf(out, 0), depth}; };
  withPackedRows(call, rows, x, depth, [&](int64_t first, const PackedRows& packed) {
    const auto panelIn = [&](float* room) { return PackedPanel{room, packed.steps}; };
    overPanels(
        call, packed, panelsOf(outs), panelIn(nullptr).floats(),
        [&](int64_t panel, float* room) { panelIn(room).pack(lanesOf, panel * kPanelOuts, outs); },
        [](int64_t, int64_t) { return Ahead(nullptr, 0); },
        [&](int64_t panel, int64_t group, float* room, Ahead& ahead) {
          TileSums tile;
          multiplyGroup<F32>(packed, group, panelIn(room), ahead, tile);
          target.write(tile, first + packed.first(group), packed.size(group), panel * kPanelOuts);
        });
  });
}

// At most R rows of x with all outputs from `from` to `to`, O at a time. `rowOf(out, ahead)` begins a row, with the one `ahead` rows
// further to be asked for.
template <int R, int O, typename RowOf>
inline void sparseRows(const float* const* x, int64_t rows, const RowOf& rowOf, const float* bias, int64_t depth, int64_t from, int64_t to,
                       float* y, int64_t yStride) {
  using Row = decltype(rowOf(0, 0));
  const auto take = [&](auto count, int64_t out) {
    constexpr int outs = count();
    Row w[outs];
    for (int o = 0; o < outs; o++) w[o] = rowOf(out + o, outs);
    float tile[R * outs];
    sparseTile<R, outs>(x, w, depth, tile);
    for (int64_t r = 0; r < rows; r++) {
      for (int o = 0; o < outs; o++) y[r * yStride + out + o] = bias ? tile[r * outs + o] + bias[out + o] : tile[r * outs + o];
    }
  };
  int64_t out = from;
  for (; out + O <= to; out += O) take(std::integral_constant<int, O>{}, out);
  for (; out < to; out++) take(std::integral_constant<int, 1>{}, out);
}

// Rows that pass the weight together, at most, and outputs that they pass: their sums and the expanded vectors fit the registers.
constexpr int64_t kSparseTile = 4;
constexpr int kSparseOuts = sizeof(Vec) == 64 ? 4 : 2;
// Outputs that a single row passes together: more state than the general registers hold costs more than it hides. Tuned on a Zen 5.
constexpr int kSparseOutsOfOne = sizeof(Vec) == 64 ? 4 : 3;
// Up to so many rows the weight is expanded anew for each tile of them; for more, once into memory.
constexpr int64_t kSparseRows = 8;

template <typename RowOf>
inline void fewSparseRows(const Call& call, int64_t rows, Rows<F32> x, const RowOf& rowOf, const float* bias, int64_t depth, int64_t outs,
                          float* y, int64_t yStride) {
  const int64_t grain = roundUp(kWorthAThread / ((rows + kFetchCost) * (depth + 1)) + 1, 12);
  call.workers.parallelFor(outs, grain, [&](int64_t begin, int64_t end) {
    // A dozen rows of the weight stay in the caches from one tile to the next.
    for (int64_t from = begin; from < end; from += 12) {
      const int64_t to = smaller(from + 12, end);
      for (int64_t r = 0; r < rows; r += kSparseTile) {
        const int64_t count = smaller(kSparseTile, rows - r);
        const float* tile[kSparseTile];
        // A tile of three has one of them twice.
        for (int64_t i = 0; i < kSparseTile; i++) tile[i] = x[r + smaller(i, count - 1)];
        float* const part = y + r * yStride;
        if (count == 1) {
          sparseRows<1, kSparseOutsOfOne>(tile, count, rowOf, bias, depth, from, to, part, yStride);
        } else if (count == 2) {
          sparseRows<2, 4>(tile, count, rowOf, bias, depth, from, to, part, yStride);
        } else {
          sparseRows<4, kSparseOuts>(tile, count, rowOf, bias, depth, from, to, part, yStride);
        }
      }
    }
  });
}

// `rowOf`: see sparseRows.
template <typename RowOf>
inline void sparseProduct(const Call& call, const Tensor& x, const RowOf& rowOf, const Tensor& bias, const Tensor& y) {
  const int64_t rows = x.rows(), depth = x.columns(), outs = y.columns();
  if (rows == 0 || outs == 0) return;
  static thread_local Scratch<float> biasScratch;
  const float* biasRow = denseFloats(bias, biasScratch);
  const Rows<F32> xRows{x.row<const float>(0), x.rowStride};
  if (rows <= kSparseRows) return fewSparseRows(call, rows, xRows, rowOf, biasRow, depth, outs, y.row<float>(0), y.rowStride);
  manySparseRows(call, rows, xRows, rowOf, biasRow, depth, outs, y.row<float>(0), y.rowStride);
}

// Calls body(format) with the format of kept values.
template <typename Body>
WHITTLE_INLINE void withKeptFormat(DType dtype, Body&& body) {
  if (dtype == DType::i8) return body(I8{});
  withFormat(dtype, body);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
