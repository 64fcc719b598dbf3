#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// A few thousand changes at most: not worth a second thread.
static bool adjustLogits(const Call& call) {
  const Tensor &logits = call[0], &places = call[1], &changes = call[2];
  for (int64_t i = 0; i < places.rows(); i++) {
    const int32_t row = places.row<const int32_t>(i)[0], id = places.row<const int32_t>(i)[1];
    if (row < 0) continue;
    if (row >= logits.rows() || id < 0 || id >= logits.columns()) {
      return call.fail("change %lld is at row %d, id %d, but there are %lld rows of %lld", static_cast<long long>(i), row, id,
                       static_cast<long long>(logits.rows()), static_cast<long long>(logits.columns()));
    }
    const float divisor = changes.row<const float>(i)[0], offset = changes.row<const float>(i)[1];
    float& x = logits.row<float>(row)[id];
    x = (x > 0 ? x / divisor : x * divisor) + offset;
  }
  return true;
}

WHITTLE_KERNEL("adjustLogits", adjustLogits);

}  // namespace WHITTLE_KERNEL_NAMESPACE
