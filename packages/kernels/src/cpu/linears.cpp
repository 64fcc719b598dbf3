#include "three-products.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool linears(const Call& call) {
  return threeProducts<F32>(call);
}

WHITTLE_KERNEL("linears", linears, beginningOf<3>);

}  // namespace WHITTLE_KERNEL_NAMESPACE
