#include <cmath>

#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Once a step for all layers, so the C library's float64 functions are fast enough, and exact at any angle.
static bool ropeTable(const Call& call) {
  const Tensor &positions = call[0], &frequencies = call[1], &table = call[2];
  const int64_t half = frequencies.rows();
  forRows(call, positions.rows(), 200 * half, [&](int64_t row) {
    float* cos = table.row<float>(row);
    const double position = *positions.row<const int32_t>(row);
    for (int64_t i = 0; i < half; i++) {
      const double angle = position * *frequencies.row<const float>(i);
      cos[i] = static_cast<float>(std::cos(angle));
      cos[half + i] = static_cast<float>(std::sin(angle));
    }
  });
  return true;
}

WHITTLE_KERNEL("ropeTable", ropeTable);

}  // namespace WHITTLE_KERNEL_NAMESPACE
