// `linears` as `linear.bf16` computes: x is rounded once for three weights.
#include "rounded-rows.h"
#include "three-products.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool linearsBf16(const Call& call) {
  return withRoundedRows(call, threeProducts<Rounded>);
}

WHITTLE_KERNEL("linears.bf16", linearsBf16, beginningOf<3>);

}  // namespace WHITTLE_KERNEL_NAMESPACE
