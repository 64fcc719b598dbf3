#include "norm.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool layerNorm(const Call& call) {
  const Tensor &x = call[0], &weight = call[1], &bias = call[2], &y = call[3];
  static thread_local Scratch<float> weightScratch, biasScratch;
  const float* weightRow = denseFloats(weight, weightScratch);
  const float* biasRow = denseFloats(bias, biasScratch);
  const int64_t columns = y.columns();
  forRows(call, y.rows(), 6 * columns,
          [&](int64_t row) { layerNormRow(x.row<const float>(row), weightRow, biasRow, call.attributes[0], y.row<float>(row), columns); });
  return true;
}

WHITTLE_KERNEL("layerNorm", layerNorm);

}  // namespace WHITTLE_KERNEL_NAMESPACE
