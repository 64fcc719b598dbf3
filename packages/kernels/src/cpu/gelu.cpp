#include "elementary.h"
#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool gelu(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  const bool approximate = call.flag(0);
  const int64_t columns = y.columns();
  forRows(call, y.rows(), 8 * columns, [&](int64_t row) {
    const float* from = x.row<const float>(row);
    float* to = y.row<float>(row);
    if (approximate) {
      mapElements(from, to, columns, [](Vec z) { return geluTanh(z); });
    } else {
      mapElements(from, to, columns, [](Vec z) { return geluErf(z); });
    }
  });
  return true;
}

WHITTLE_KERNEL("gelu", gelu);

}  // namespace WHITTLE_KERNEL_NAMESPACE
