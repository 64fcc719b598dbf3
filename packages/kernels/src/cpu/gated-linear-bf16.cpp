// `gatedLinear` as `linear.bf16` computes: x is rounded once for both weights.
#include "gated-product.h"
#include "rounded-rows.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool gatedLinearBf16(const Call& call) {
  return withRoundedRows(call, gatedProduct<Rounded>);
}

WHITTLE_KERNEL("gatedLinear.bf16", gatedLinearBf16, gatedBeginning);

}  // namespace WHITTLE_KERNEL_NAMESPACE
