#include "elementary.h"
#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool siluMul(const Call& call) {
  const Tensor &gate = call[0], &up = call[1], &y = call[2];
  const int64_t columns = y.columns();
  forRows(call, y.rows(), 6 * columns, [&](int64_t row) {
    mapElements(gate.row<const float>(row), up.row<const float>(row), y.row<float>(row), columns, [](Vec g, Vec u) { return silu(g) * u; });
  });
  return true;
}

WHITTLE_KERNEL("siluMul", siluMul);

}  // namespace WHITTLE_KERNEL_NAMESPACE
