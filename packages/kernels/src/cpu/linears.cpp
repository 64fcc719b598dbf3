#include "product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// x, three weights, their biases, three results.
static bool linears(const Call& call) {
  for (int32_t i = 0; i < 3; i++) product(call, call[0], call[1 + i], call[4 + i], call[7 + i]);
  return true;
}

WHITTLE_KERNEL("linears", linears);

}  // namespace WHITTLE_KERNEL_NAMESPACE
