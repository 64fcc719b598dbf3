#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool add(const Call& call) {
  const Tensor &a = call[0], &b = call[1], &y = call[2];
  const int64_t columns = y.columns();
  forRows(call, y.rows(), columns, [&](int64_t row) {
    mapElements(a.row<const float>(row), b.row<const float>(row), y.row<float>(row), columns, [](Vec p, Vec q) { return p + q; });
  });
  return true;
}

WHITTLE_KERNEL("add", add);

}  // namespace WHITTLE_KERNEL_NAMESPACE
