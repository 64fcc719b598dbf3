#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// One head: the halves a and b of x become a·cos − b·sin and b·cos + a·sin.
static void rotateHead(const float* x, const float* cos, const float* sin, float* y, int64_t half) {
  mapElements(x, cos, y, half, [](Vec a, Vec c) { return a * c; });
  mapElements(x + half, cos, y + half, half, [](Vec b, Vec c) { return b * c; });
  for (int64_t i = 0; i < half; i++) {
    y[i] -= x[half + i] * sin[i];
    y[half + i] += x[i] * sin[i];
  }
}

static bool rope(const Call& call) {
  const Tensor &x = call[0], &table = call[1], &y = call[2];
  const int64_t columns = y.columns(), headDim = table.columns(), half = headDim / 2;
  forRows(call, y.rows(), 3 * columns, [&](int64_t row) {
    const float* cos = table.row<const float>(row);
    for (int64_t head = 0; head < columns; head += headDim) {
      rotateHead(x.row<const float>(row) + head, cos, cos + half, y.row<float>(row) + head, half);
    }
  });
  return true;
}

WHITTLE_KERNEL("rope", rope);

}  // namespace WHITTLE_KERNEL_NAMESPACE
