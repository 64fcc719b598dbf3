#include "norm.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool addRmsNorm(const Call& call) {
  const Tensor &x = call[0], &residual = call[1], &weight = call[2], &sum = call[3], &normed = call[4];
  static thread_local Scratch<float> scratch;
  const float* weightRow = denseFloats(weight, scratch);
  const int64_t columns = sum.columns();
  forRows(call, sum.rows(), 5 * columns, [&](int64_t row) {
    float* total = sum.row<float>(row);
    mapElements(x.row<const float>(row), residual.row<const float>(row), total, columns, [](Vec a, Vec b) { return a + b; });
    rmsNormRow(total, weightRow, call.attributes[0], normed.row<float>(row), columns);
  });
  return true;
}

WHITTLE_KERNEL("addRmsNorm", addRmsNorm);

}  // namespace WHITTLE_KERNEL_NAMESPACE
