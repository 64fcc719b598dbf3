// Rotary positions, as `rope` and `ropePair` need them.
#pragma once

#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// One head: pairs a, b become low = a·cos − b·sin and high = b·cos + a·sin, half a head apart. They come that way too, or side by side: to
// the bit the same.
template <bool interleaved>
inline void rotateHead(const float* x, const float* cos, const float* sin, float* y, int64_t half) {
  const auto rotate = [&](int64_t i) {
    Vec a = load(interleaved ? x + 2 * i : x + i), b = load(interleaved ? x + 2 * i + kLanes : x + half + i);
    if constexpr (interleaved) {
      const Vec first = a;
      a = evenLanes(first, b);
      b = oddLanes(first, b);
    }
    store(y + i, a * load(cos + i) - b * load(sin + i));
    store(y + half + i, b * load(cos + i) + a * load(sin + i));
  };
  int64_t i = 0;
  for (; i + kLanes <= half; i += kLanes) rotate(i);
  // The last ones, and some of those before them once more.
  if (i < half && half > kLanes) return rotate(half - kLanes);
  for (; i < half; i++) {
    const float a = interleaved ? x[2 * i] : x[i], b = interleaved ? x[2 * i + 1] : x[half + i];
    y[i] = a * cos[i] - b * sin[i];
    y[half + i] = b * cos[i] + a * sin[i];
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
        rotateHead<true>(from, cos, cos + half, to, half);
      } else {
        rotateHead<false>(from, cos, cos + half, to, half);
      }
    }
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
