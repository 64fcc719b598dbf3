// Rotary positions, as `rope` and `ropePair` need them.
#pragma once

#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Pairs a, b become low = a·cos − b·sin and high = b·cos + a·sin.
inline void rotatePairs(const float* a, const float* b, const float* cos, const float* sin, float* low, float* high, int64_t count) {
  mapElements(a, cos, low, count, [](Vec x, Vec c) { return x * c; });
  mapElements(b, cos, high, count, [](Vec x, Vec c) { return x * c; });
  for (int64_t i = 0; i < count; i++) {
    low[i] -= b[i] * sin[i];
    high[i] += a[i] * sin[i];
  }
}

// One head whose pairs lie side by side; they come out half a head apart, to the bit as if they had come so.
inline void rotateInterleaved(const float* x, const float* cos, const float* sin, float* y, int64_t half) {
  constexpr int64_t atOnce = 128;
  float a[atOnce], b[atOnce];
  for (int64_t from = 0; from < half; from += atOnce) {
    const int64_t count = half - from < atOnce ? half - from : atOnce;
    for (int64_t i = 0; i < count; i++) {
      a[i] = x[2 * (from + i)];
      b[i] = x[2 * (from + i) + 1];
    }
    rotatePairs(a, b, cos + from, sin + from, y + from, y + half + from, count);
  }
}

inline void rotateRows(const Call& call, const Tensor& x, const Tensor& table, const Tensor& y, bool interleaved) {
  const int64_t columns = y.columns(), headDim = table.columns(), half = headDim / 2;
  forRows(call, y.rows(), 3 * columns, [&](int64_t row) {
    const float* cos = table.row<const float>(row);
    for (int64_t head = 0; head < columns; head += headDim) {
      const float* from = x.row<const float>(row) + head;
      float* to = y.row<float>(row) + head;
      if (interleaved) {
        rotateInterleaved(from, cos, cos + half, to, half);
      } else {
        rotatePairs(from, from + half, cos, cos + half, to, to + half, half);
      }
    }
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
