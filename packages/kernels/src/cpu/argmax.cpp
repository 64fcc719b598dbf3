#include "argmax.h"

#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool argmax(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  const int64_t columns = x.columns();
  forRows(call, y.rows(), columns / 4, [&](int64_t row) {
    const float* values = x.row<const float>(row);
    *y.row<int32_t>(row) = static_cast<int32_t>(indexOf(values, columns, largestOfRow(values, columns)));
  });
  for (int64_t row = 0; row < y.rows(); row++) {
    if (*y.row<int32_t>(row) < 0) {
      return call.fail("row %lld holds no number (of %lld columns)", static_cast<long long>(row), static_cast<long long>(columns));
    }
  }
  return true;
}

WHITTLE_KERNEL("argmax", argmax);

}  // namespace WHITTLE_KERNEL_NAMESPACE
