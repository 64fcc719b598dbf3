// y = x · weightᵀ + bias with bf16 weights and x rounded to bf16.
#include "product.h"
#include "rounded-rows.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool linearBf16(const Call& call) {
  return withRoundedRows(call, [](const Call& rounded) {
    product<Rounded>(rounded, rounded[0], rounded[1], rounded[2], rounded[3]);
    return true;
  });
}

WHITTLE_KERNEL("linear.bf16", linearBf16, beginningOf<1>);

}  // namespace WHITTLE_KERNEL_NAMESPACE
