// y = x · weightᵀ + bias, for `linear` and the ops that fuse it. Two ways through the same dot products: few rows (decoding) stream the
// weight once, as stored, past all of them; many rows (a prompt) are cut into a grid whose weight panels are widened to f32 once for a block
// of rows.
#pragma once

#include "packed-product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Work that is worth another thread, some 4 µs, in multiply-adds of one row; bringing an element of the weight from memory costs about
// seven.
constexpr int64_t kWorthAThread = 256 * 1024;
constexpr int64_t kFetchCost = 7;

// One row: eight rows of the weight at a time.
template <typename Format>
inline void oneRow(Rows<F32> x, Rows<Format> w, const float* bias, int64_t depth, int64_t from, int64_t to, float* y) {
  dotRows<1, 8>(x, Rows<Format>{w[from], w.stride}, bias ? bias + from : nullptr, depth, to - from, 8 * w.stride, y + from, 0);
}

// Some rows: four rows of the weight come from memory for the first rows of x and from the first-level cache for the others.
template <typename Format>
inline void someRows(int64_t rows, Rows<F32> x, Rows<Format> w, const float* bias, int64_t depth, int64_t from, int64_t to, float* y,
                     int64_t yStride) {
  for (int64_t out = from; out < to; out += 4) {
    const Rows<Format> four{w[out], w.stride};
    const float* fourBias = bias ? bias + out : nullptr;
    const int64_t outs = to - out < 4 ? to - out : 4;
    int64_t ahead = 4 * w.stride;
    int64_t r = 0;
    const auto take = [&](auto count) {
      dotRows<count(), 4>({x[r], x.stride}, four, fourBias, depth, outs, ahead, y + r * yStride + out, yStride);
      r += count();
      ahead = 0;
    };
    // Three rows by four take 16 registers; widening 16-bit weights needs some of them.
    if constexpr (Format::dtype == DType::f32) {
      while (rows - r >= 3 && rows - r != 4) take(std::integral_constant<int, 3>{});
    }
    while (rows - r >= 2) take(std::integral_constant<int, 2>{});
    if (rows - r == 1) take(std::integral_constant<int, 1>{});
  }
}

template <typename Format>
inline void fewRows(const Call& call, int64_t rows, Rows<F32> x, Rows<Format> w, const float* bias, int64_t depth, int64_t outs, float* y,
                    int64_t yStride) {
  const int64_t grain = roundUp(kWorthAThread / ((rows + kFetchCost) * (depth + 1)) + 1, 8);
  call.workers.parallelFor(outs, grain, [&](int64_t from, int64_t to) {
    if (rows == 1) {
      oneRow(x, w, bias, depth, from, to, y);
    } else {
      someRows(rows, x, w, bias, depth, from, to, y, yStride);
    }
  });
}

// Up to so many rows the weight is streamed; tuned on a Zen 5 at 576 to 1536 columns.
constexpr int64_t kFewRows = 24;

inline void product(const Call& call, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& y) {
  const int64_t rows = x.rows(), depth = x.columns(), outs = weight.rows();
  if (rows == 0 || outs == 0) return;
  static thread_local Scratch<float> biasScratch;
  const float* biasRow = denseFloats(bias, biasScratch);
  withWeightRows(weight, [&]<typename Format>(Rows<Format> wRows) {
    const Rows<F32> xRows{x.row<const float>(0), x.rowStride};
    if constexpr (!isBlock(Format::dtype)) {
      if (rows <= kFewRows) return fewRows(call, rows, xRows, wRows, biasRow, depth, outs, y.row<float>(0), y.rowStride);
    }
    manyRows(call, rows, xRows, wRows, biasRow, depth, outs, y.row<float>(0), y.rowStride);
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
