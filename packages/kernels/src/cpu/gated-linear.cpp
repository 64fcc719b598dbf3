#include "gated-product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool gatedLinear(const Call& call) {
  return gatedProduct<F32>(call);
}

WHITTLE_KERNEL("gatedLinear", gatedLinear, gatedBeginning);

}  // namespace WHITTLE_KERNEL_NAMESPACE
