// y = x · Wᵀ + bias for weights that are kept sparse, in `product`'s order of summation: to the bit what it gives for W as a matrix. Few rows (decoding) stream the weight
// once, as stored; for many rows (a prompt) panels of it are widened to a matrix of f32.
#pragma once

#include "product.h"
#include "sparse-rows.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// result[r·O + o] = x[r] · w[o], as dotTile forms it.
template <int R, int O, typename Row>
WHITTLE_INLINE void sparseTile(const float* const* x, Row* w, int64_t depth, float* result) {
  Vec sums[R * O];
  for (Vec& sum : sums) sum = splat(0.0f);
  const auto step = [&](int64_t k) {
    Vec wide[O];
    for (int o = 0; o < O; o++) wide[o] = w[o].at(k);
    for (int r = 0; r < R; r++) {
      const Vec a = load(x[r] + k);
      for (int o = 0; o < O; o++) sums[r * O + o] = multiplyAdd(a, wide[o], sums[r * O + o]);
    }
  };
  int64_t k = 0;
  for (; k + kScaleColumns <= depth; k += kScaleColumns) {
    for (int o = 0; o < O; o++) w[o].enter(k);
    for (int64_t part = 0; part < kScaleColumns; part += kLanes) step(k + part);
  }
  if (k < depth) {
    for (int o = 0; o < O; o++) w[o].enter(k);
    for (; k + kLanes <= depth; k += kLanes) step(k);
  }
  if (k < depth) {
    Vec wide[O];
    for (int o = 0; o < O; o++) {
      float lanes[kLanes] = {};
      w[o].rest(k, depth, lanes);
      wide[o] = load(lanes);
    }
    for (int r = 0; r < R; r++) {
      const Vec a = loadPart(x[r] + k, depth - k);
      for (int o = 0; o < O; o++) sums[r * O + o] = multiplyAdd(a, wide[o], sums[r * O + o]);
    }
  }
  constexpr int whole = R * O / 4 * 4;
  for (int i = 0; i < whole; i += 4) {
    const Vec4 four = sumLanes(sums[i], sums[i + 1], sums[i + 2], sums[i + 3]);
    std::memcpy(result + i, &four, sizeof four);
  }
  for (int i = whole; i < R * O; i++) result[i] = sumLanes(sums[i]);
}

// A row as f32.
template <typename Row>
inline void widenRow(Row w, float* target, int64_t depth) {
  for (int64_t from = 0; from < depth; from += kScaleColumns) {
    const int64_t end = smaller(from + kScaleColumns, depth);
    w.enter(from);
    int64_t k = from;
    for (; k + kLanes <= end; k += kLanes) store(target + k, w.at(k));
    if (k < end) {
      float lanes[kLanes] = {};
      w.rest(k, depth, lanes);
      std::memcpy(target + k, lanes, static_cast<size_t>(end - k) * sizeof(float));
    }
  }
}

// At most R rows of x with all outputs from `from` to `to`, O at a time. `rowOf(out, ahead)` begins a row, with the one `ahead` rows further to be asked for.
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

// Up to so many rows pass the weight as it is expanded; R·O sums and O expanded vectors must fit the registers.
constexpr int64_t kSparseRows = sizeof(Vec) == 64 ? 8 : 4;

template <typename RowOf>
inline void fewSparseRows(const Call& call, int64_t rows, Rows<F32> x, const RowOf& rowOf, const float* bias, int64_t depth, int64_t outs,
                          float* y, int64_t yStride) {
  const int64_t grain = roundUp(kWorthAThread / ((rows + kFetchCost) * (depth + 1)) + 1, 8);
  call.workers.parallelFor(outs, grain, [&](int64_t from, int64_t to) {
    const float* each[8];
    for (int64_t r = 0; r < 8; r++) each[r] = x[smaller(r, rows - 1)];
    if (rows == 1) return sparseRows<1, 4>(each, rows, rowOf, bias, depth, from, to, y, yStride);
    if (rows == 2) return sparseRows<2, 4>(each, rows, rowOf, bias, depth, from, to, y, yStride);
    if (rows <= 4) return sparseRows<4, 2>(each, rows, rowOf, bias, depth, from, to, y, yStride);
    if constexpr (kSparseRows == 8) sparseRows<8, 2>(each, rows, rowOf, bias, depth, from, to, y, yStride);
  });
}

template <typename RowOf>
inline void manySparseRows(const Call& call, int64_t rows, Rows<F32> x, const RowOf& rowOf, const float* bias, int64_t depth, int64_t outs,
                           float* y, int64_t yStride) {
  const int64_t fit = 256 * 1024 / (4 * (depth + 1));
  const int64_t rowBlock = roundUp(fit < 24 ? 24 : fit > 192 ? 192 : fit, 3);
  constexpr int64_t panel = 32;
  const int64_t rowBlocks = (rows + rowBlock - 1) / rowBlock;
  const int64_t panels = (outs + panel - 1) / panel;
  call.workers.parallelFor(rowBlocks * panels, 1, [&](int64_t from, int64_t to) {
    static thread_local Scratch<float> scratch;
    for (int64_t item = from; item < to; item++) {
      const int64_t firstRow = item / panels * rowBlock;
      const int64_t firstOut = item % panels * panel;
      const int64_t outCount = smaller(panel, outs - firstOut);
      const int64_t stride = roundUp(depth, kLanes);
      float* wide = scratch.get(panel * stride + 1);
      for (int64_t o = 0; o < outCount; o++) widenRow(rowOf(firstOut + o, 0), wide + o * stride, depth);
      dotMatrix({x[firstRow], x.stride}, smaller(rowBlock, rows - firstRow), {wide, stride}, bias ? bias + firstOut : nullptr, depth, outCount,
                y + firstRow * yStride + firstOut, yStride);
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
  const auto multiply = rows <= kSparseRows ? fewSparseRows<RowOf> : manySparseRows<RowOf>;
  multiply(call, rows, xRows, rowOf, biasRow, depth, outs, y.row<float>(0), y.rowStride);
}

// Calls body(format) with the format of kept values.
template <typename Body>
WHITTLE_INLINE void withKeptFormat(DType dtype, Body&& body) {
  if (dtype == DType::i8) return body(I8{});
  withFormat(dtype, body);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
