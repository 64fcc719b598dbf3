#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool mixTokens(const Call& call) {
  const Tensor &tokens = call[0], &sampled = call[1], &from = call[2], &y = call[3];
  for (int64_t row = 0; row < y.rows(); row++) {
    const int32_t index = *from.row<const int32_t>(row);
    if (index >= sampled.rows()) {
      return call.fail("row %lld takes sampled id %d of %lld", static_cast<long long>(row), index, static_cast<long long>(sampled.rows()));
    }
    *y.row<int32_t>(row) = index < 0 ? *tokens.row<const int32_t>(row) : *sampled.row<const int32_t>(index);
  }
  return true;
}

WHITTLE_KERNEL("mixTokens", mixTokens);

}  // namespace WHITTLE_KERNEL_NAMESPACE
