#include "product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool linear(const Call& call) {
  product<F32>(call, call[0], call[1], call[2], call[3]);
  return true;
}

WHITTLE_KERNEL("linear", linear, beginningOf<1>);

}  // namespace WHITTLE_KERNEL_NAMESPACE
