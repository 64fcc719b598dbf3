#include "norm.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool rmsNorm(const Call& call) {
  const Tensor &x = call[0], &weight = call[1], &y = call[2];
  static thread_local Scratch<float> scratch;
  const float* weightRow = denseFloats(weight, scratch);
  const int64_t columns = y.columns();
  forRows(call, y.rows(), 4 * columns,
          [&](int64_t row) { rmsNormRow(x.row<const float>(row), weightRow, call.attributes[0], y.row<float>(row), columns); });
  return true;
}

WHITTLE_KERNEL("rmsNorm", rmsNorm);

}  // namespace WHITTLE_KERNEL_NAMESPACE
