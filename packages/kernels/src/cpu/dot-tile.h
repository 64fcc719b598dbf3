// Dot products of R rows with O rows at a time: the inner loop of `linear` and of attention's logits.
//
// Every product of a row with a row is formed in one order, whatever the tile it stands in: kLanes sums walk along the depth, the last part
// padded with zeros, and sumLanes adds them. So one row alone and the same row among 512 give the same bits.
#pragma once

#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Rows of stored numbers, `stride` elements apart.
template <typename Format>
struct Rows {
  const typename Format::Stored* data;
  int64_t stride;

  const typename Format::Stored* operator[](int64_t index) const { return data + index * stride; }
};

// result[r·O + o] = x[r] · w[o]. R·O + min(R, O) + 1 vectors must fit the registers: 16 with AVX2.
template <int R, int O, typename Format>
WHITTLE_INLINE void dotTile(Rows<F32> x, Rows<Format> w, int64_t depth, float* result) {
  Vec sums[R * O] = {};
  int64_t k = 0;
  for (; k + kLanes <= depth; k += kLanes) {
    Vec wide[O];
    for (int o = 0; o < O; o++) wide[o] = Format::loadVec(w[o] + k);
    for (int r = 0; r < R; r++) {
      const Vec a = load(x[r] + k);
      for (int o = 0; o < O; o++) sums[r * O + o] = multiplyAdd(a, wide[o], sums[r * O + o]);
    }
  }
  if (k < depth) {
    Vec wide[O];
    for (int o = 0; o < O; o++) wide[o] = loadPart<Format>(w[o] + k, depth - k);
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

// y[r][from + o] = x[r] · w[from + o] (+ bias) for R rows of x and the outputs [from, to) in tiles of O.
template <int R, int O, typename Format>
inline void dotRows(Rows<F32> x, Rows<Format> w, const float* bias, int64_t depth, int64_t from, int64_t to, float* y, int64_t yStride) {
  float tile[R * O];
  int64_t out = from;
  const auto put = [&](int count) {
    for (int r = 0; r < R; r++) {
      for (int o = 0; o < count; o++) y[r * yStride + out + o] = bias ? tile[r * count + o] + bias[out + o] : tile[r * count + o];
    }
  };
  for (; out + O <= to; out += O) {
    dotTile<R, O>(x, Rows<Format>{w[out], w.stride}, depth, tile);
    put(O);
  }
  for (; out < to; out++) {
    dotTile<R, 1>(x, Rows<Format>{w[out], w.stride}, depth, tile);
    put(1);
  }
}

// The same for any number of rows, three at a time. For rows of f32 that lie in a cache.
inline void dotMatrix(Rows<F32> x, int64_t rows, Rows<F32> w, const float* bias, int64_t depth, int64_t outs, float* y, int64_t yStride) {
  int64_t r = 0;
  for (; r + 3 <= rows; r += 3) dotRows<3, 4>({x[r], x.stride}, w, bias, depth, 0, outs, y + r * yStride, yStride);
  if (rows - r == 2) dotRows<2, 4>({x[r], x.stride}, w, bias, depth, 0, outs, y + r * yStride, yStride);
  if (rows - r == 1) dotRows<1, 4>({x[r], x.stride}, w, bias, depth, 0, outs, y + r * yStride, yStride);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
