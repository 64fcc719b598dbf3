#include "bytes.h"
#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool gatherRows(const Call& call) {
  const Tensor &x = call[0], &indices = call[1], &y = call[2];
  for (int64_t i = 0; i < indices.rows(); i++) {
    const int32_t row = *indices.row<const int32_t>(i);
    if (row < 0 || row >= x.rows()) {
      return call.fail("index %d at %lld is outside of %lld rows", row, static_cast<long long>(i), static_cast<long long>(x.rows()));
    }
  }
  const int64_t bytes = bytesOf(y.dtype, y.columns());
  if (bytes == 0) return true;
  forRows(call, y.rows(), y.columns(),
          [&](int64_t i) { std::memcpy(rowBytes(y, i), rowBytes(x, *indices.row<const int32_t>(i)), static_cast<size_t>(bytes)); });
  return true;
}

WHITTLE_KERNEL("gatherRows", gatherRows);

}  // namespace WHITTLE_KERNEL_NAMESPACE
