// `linears` as `linear.q8` computes: x is rounded once for three weights.
#include "code-product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// x, three weights, their biases, three results.
static bool linearsQ8(const Call& call) {
  static thread_local Scratch<float> scratch[3];
  withCodedFormat(call[1].dtype, [&]<typename Format>(Format) {
    Product<Format> products[3];
    for (int32_t i = 0; i < 3; i++) products[i] = productInto<Format>(call[1 + i], denseFloats(call[4 + i], scratch[i]), call[7 + i]);
    multiplyAll(call, call[0], products, 3);
  });
  return true;
}

WHITTLE_KERNEL("linears.q8", linearsQ8, codedBeginning<3>);

}  // namespace WHITTLE_KERNEL_NAMESPACE
