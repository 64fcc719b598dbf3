// Rotary positions, as `rope` and `ropePair` need them.
#pragma once

#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// One head: the halves a and b of x become a·cos − b·sin and b·cos + a·sin.
inline void rotateHead(const float* x, const float* cos, const float* sin, float* y, int64_t half) {
  mapElements(x, cos, y, half, [](Vec a, Vec c) { return a * c; });
  mapElements(x + half, cos, y + half, half, [](Vec b, Vec c) { return b * c; });
  for (int64_t i = 0; i < half; i++) {
    y[i] -= x[half + i] * sin[i];
    y[half + i] += x[i] * sin[i];
  }
}

inline void rotateRows(const Call& call, const Tensor& x, const Tensor& table, const Tensor& y) {
  const int64_t columns = y.columns(), headDim = table.columns(), half = headDim / 2;
  forRows(call, y.rows(), 3 * columns, [&](int64_t row) {
    const float* cos = table.row<const float>(row);
    for (int64_t head = 0; head < columns; head += headDim) {
      rotateHead(x.row<const float>(row) + head, cos, cos + half, y.row<float>(row) + head, half);
    }
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
