#include "norm.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool addLayerNorm(const Call& call) {
  const Tensor &x = call[0], &residual = call[1], &weight = call[2], &bias = call[3], &sum = call[4], &normed = call[5];
  static thread_local Scratch<float> weightScratch, biasScratch;
  const float* weightRow = denseFloats(weight, weightScratch);
  const float* biasRow = denseFloats(bias, biasScratch);
  const int64_t columns = sum.columns();
  forRows(call, sum.rows(), 7 * columns, [&](int64_t row) {
    float* total = sum.row<float>(row);
    mapElements(x.row<const float>(row), residual.row<const float>(row), total, columns, [](Vec a, Vec b) { return a + b; });
    layerNormRow(total, weightRow, biasRow, call.attributes[0], normed.row<float>(row), columns);
  });
  return true;
}

WHITTLE_KERNEL("addLayerNorm", addLayerNorm);

}  // namespace WHITTLE_KERNEL_NAMESPACE
