// Dot products of R rows with O rows at a time: the inner loop of `linear` and of attention's logits.
//
// Every product of a row with a row is formed in one order, whatever the tile it stands in: kLanes sums walk along the depth, the last part
// padded with zeros, and sumLanes adds them. So one row alone and the same row among 512 give the same bits.
#pragma once

#include <type_traits>

#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Rows of stored numbers, `stride` elements apart.
template <typename Format>
struct Rows {
  const typename Format::Stored* data;
  int64_t stride;

  const typename Format::Stored* operator[](int64_t index) const { return data + index * stride; }
};

// The tile that fills the registers: its sums, kDotOuts rows of w, and one of x.
#ifdef WHITTLE_AVX512
constexpr int kDotRows = 6;
#else
constexpr int kDotRows = 3;
#endif
constexpr int kDotOuts = 4;

// result[r·O + o] = x[r] · w[o]. X and Format are F32 and any, or both Bf16Pairs. R·O + min(R, O) + 1 vectors must fit the registers: 16
// with AVX2. `ahead` elements behind what is read the next rows are asked for (0: nothing is): between rows the hardware's own prefetching
// starts anew each time.
template <int R, int O, typename X = F32, typename Format>
WHITTLE_INLINE void dotTile(Rows<X> x, Rows<Format> w, int64_t depth, int64_t ahead, float* result) {
  constexpr int64_t line = 64 / sizeof(typename Format::Stored), elements = kElements<X>;
  Vec sums[R * O];
  WHITTLE_UNROLL
  for (Vec& sum : sums) sum = splat(0.0f);
  const auto step = [&](int64_t k) {
    Vec wide[O];
    WHITTLE_UNROLL
    for (int o = 0; o < O; o++) wide[o] = Format::loadVec(w[o] + k);
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) {
      const Vec a = load(reinterpret_cast<const float*>(x[r] + k));
      WHITTLE_UNROLL
      for (int o = 0; o < O; o++) sums[r * O + o] = addProducts<X>(a, wide[o], sums[r * O + o]);
    }
  };
  int64_t k = 0;
  if (ahead != 0) {
    for (; k + line <= depth; k += line) {
      for (int o = 0; o < O; o++) __builtin_prefetch(w[o] + k + ahead);
      for (int64_t part = 0; part < line; part += elements) step(k + part);
    }
  }
  for (; k + elements <= depth; k += elements) step(k);
  if (k < depth) {
    Vec wide[O];
    WHITTLE_UNROLL
    for (int o = 0; o < O; o++) wide[o] = loadPart<Format>(w[o] + k, depth - k);
    WHITTLE_UNROLL
    for (int r = 0; r < R; r++) {
      const Vec a = loadPart<X>(x[r] + k, depth - k);
      WHITTLE_UNROLL
      for (int o = 0; o < O; o++) sums[r * O + o] = addProducts<X>(a, wide[o], sums[r * O + o]);
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

// Calls body(integral constant) for a count from 1 to Most.
template <int Most, typename Body>
WHITTLE_INLINE void withCount(int64_t count, Body&& body) {
  if constexpr (Most > 0) {
    if (count == Most) return body(std::integral_constant<int, Most>{});
    withCount<Most - 1>(count, body);
  }
}

// Calls body(integral constant, at) for parts of [0, count) of nearly equal size, at most Most.
template <int Most, typename Body>
WHITTLE_INLINE void inParts(int64_t count, Body&& body) {
  const int64_t parts = (count + Most - 1) / Most;
  for (int64_t part = 0, at = 0; part < parts; part++) {
    const int64_t size = (count - at + parts - part - 1) / (parts - part);
    withCount<Most>(size, [&](auto constant) { body(constant, at); });
    at += size;
  }
}

// y[r][o] = x[r] · w[o] (+ bias[o]) for R rows of x and O of w.
template <int R, int O, typename X = F32, typename Format>
WHITTLE_INLINE void dotBlock(Rows<X> x, Rows<Format> w, const float* bias, int64_t depth, int64_t ahead, float* y, int64_t yStride) {
  float tile[R * O];
  dotTile<R, O>(x, w, depth, ahead, tile);
  for (int r = 0; r < R; r++) {
    if (!bias) {
      std::memcpy(y + r * yStride, tile + r * O, O * sizeof(float));
      continue;
    }
    for (int o = 0; o < O; o++) y[r * yStride + o] = tile[r * O + o] + bias[o];
  }
}

// The same for R rows of x and any number of w, O at a time.
template <int R, int O, typename X = F32, typename Format>
inline void dotRows(Rows<X> x, Rows<Format> w, const float* bias, int64_t depth, int64_t outs, int64_t ahead, float* y, int64_t yStride) {
  int64_t o = 0;
  for (; o + O <= outs; o += O) dotBlock<R, O>(x, Rows<Format>{w[o], w.stride}, bias ? bias + o : nullptr, depth, ahead, y + o, yStride);
  for (; o < outs; o++) dotBlock<R, 1>(x, Rows<Format>{w[o], w.stride}, bias ? bias + o : nullptr, depth, 0, y + o, yStride);
}

// The same for any number of rows. For rows of f32 that lie in a cache.
inline void dotMatrix(Rows<F32> x, int64_t rows, Rows<F32> w, const float* bias, int64_t depth, int64_t outs, float* y, int64_t yStride) {
  inParts<kDotRows>(rows, [&](auto count, int64_t r) {
    dotRows<count(), kDotOuts>({x[r], x.stride}, w, bias, depth, outs, 0, y + r * yStride, yStride);
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
