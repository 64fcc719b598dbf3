#include "rotate.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool ropePair(const Call& call) {
  const Tensor &q = call[0], &k = call[1], &table = call[2];
  rotateRows(call, q, table, call[3], call.flag(0));
  rotateRows(call, k, table, call[4], call.flag(0));
  return true;
}

WHITTLE_KERNEL("ropePair", ropePair);

}  // namespace WHITTLE_KERNEL_NAMESPACE
