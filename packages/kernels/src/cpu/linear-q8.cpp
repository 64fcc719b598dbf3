// y = x · weightᵀ + bias with weights in blocks and x rounded to 8 bits: integer dot products.
#include "code-product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool linearQ8(const Call& call) {
  const Tensor &x = call[0], &weight = call[1], &bias = call[2], &y = call[3];
  static thread_local Scratch<float> scratch;
  const float* biasRow = denseFloats(bias, scratch);
  withCodedFormat(weight.dtype, [&]<typename Format>(Format) {
    const Product<Format> product = productInto<Format>(weight, biasRow, y);
    multiplyAll(call, x, &product, 1);
  });
  return true;
}

WHITTLE_KERNEL("linear.q8", linearQ8, codedBeginning<1>);

}  // namespace WHITTLE_KERNEL_NAMESPACE
