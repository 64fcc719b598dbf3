#include "rotate.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool rope(const Call& call) {
  rotateRows(call, call[0], call[1], call[2], call.flag(0));
  return true;
}

WHITTLE_KERNEL("rope", rope);

}  // namespace WHITTLE_KERNEL_NAMESPACE
