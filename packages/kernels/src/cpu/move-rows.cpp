#include "bytes.h"
#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// One after another: a later move may read what an earlier one wrote. Moves before one that fails are made, as the reference makes them.
static bool moveRows(const Call& call) {
  const Tensor &x = call[0], &moves = call[1];
  for (int64_t i = 0; i < moves.rows(); i++) {
    const int32_t from = moves.row<const int32_t>(i)[0], to = moves.row<const int32_t>(i)[1];
    if (from >= x.rows() || to >= x.rows()) {
      return call.fail("move %lld goes from %d to %d, but there are %lld rows", static_cast<long long>(i), from, to,
                       static_cast<long long>(x.rows()));
    }
    if (from >= 0 && to >= 0) std::memmove(rowBytes(x, to), rowBytes(x, from), static_cast<size_t>(bytesOf(x.dtype, x.columns())));
  }
  return true;
}

WHITTLE_KERNEL("moveRows", moveRows);

}  // namespace WHITTLE_KERNEL_NAMESPACE
