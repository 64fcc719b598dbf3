#include "blocks.h"
#include "elementwise.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// In float64, in lanes of a number of their own: the same sums on every instruction set.
static void sumRow(const float* x, const float* y, int64_t count, float* sums) {
  constexpr int64_t lanes = 8;
  double errors[lanes] = {}, sizes[lanes] = {};
  for (int64_t i = 0; i < count; i += lanes) {
    const int64_t here = smaller(lanes, count - i);
    for (int64_t lane = 0; lane < here; lane++) {
      const double value = x[i + lane], difference = value - static_cast<double>(y[i + lane]);
      errors[lane] += difference * difference;
      sizes[lane] += value * value;
    }
  }
  double error = 0, size = 0;
  for (int64_t lane = 0; lane < lanes; lane++) {
    error += errors[lane];
    size += sizes[lane];
  }
  sums[0] = static_cast<float>(error);
  sums[1] = static_cast<float>(size);
}

static bool squaredError(const Call& call) {
  const Tensor &x = call[0], &y = call[1], &sums = call[2];
  const int64_t columns = x.columns();
  withFormat(x.dtype, [&]<typename Format>(Format) {
    withWeightRows(y, [&]<typename Other>(Rows<Other> others) {
      forRows(call, x.rows(), 8 * columns, [&](int64_t row) {
        static thread_local Scratch<float> scratch;
        float* values = scratch.get(2 * columns);
        decodeRow<Format>(x.row<const typename Format::Stored>(row), values, columns);
        decodeRow<Other>(others[row], values + columns, columns);
        sumRow(values, values + columns, columns, sums.row<float>(row));
      });
    });
  });
  return true;
}

WHITTLE_KERNEL("squaredError", squaredError);

}  // namespace WHITTLE_KERNEL_NAMESPACE
