// y = x · weightᵀ + bias with weights in blocks and x rounded to 8 bits: integer dot products.
#include "code-product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool linearQ8(const Call& call) {
  const Tensor &x = call[0], &weight = call[1], &bias = call[2], &y = call[3];
  if (y.rows() == 0 || y.columns() == 0) return true;
  static thread_local Scratch<float> biasScratch;
  const float* biasRow = denseFloats(bias, biasScratch);
  withCodedWeight(weight, [&]<typename Format>(Rows<Format> w) {
    withCodedRows<Format>(call, x, [&](const CodedRows& coded) {
      const Product<Format> product = productInto(w, biasRow, y);
      forParts(call, coded, product.groups(), [&](int64_t firstTile, int64_t lastTile, int64_t from, int64_t to) {
        multiplyGroups(coded, firstTile, lastTile, product, from, to);
      });
    });
  });
  return true;
}

WHITTLE_KERNEL("linear.q8", linearQ8);

}  // namespace WHITTLE_KERNEL_NAMESPACE
