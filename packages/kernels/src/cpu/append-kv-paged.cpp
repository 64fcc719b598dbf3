#include "elementwise.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static void storeRows(const Call& call, const Tensor& x, const Tensor& pool, const Tensor& slots) {
  withFormat(pool.dtype, [&](auto format) {
    using Format = decltype(format);
    forRows(call, slots.rows(), x.columns(), [&](int64_t row) {
      const int32_t slot = *slots.row<const int32_t>(row);
      if (slot >= 0) encodeRow<Format>(x.row<const float>(row), pool.row<typename Format::Stored>(slot), x.columns());
    });
  });
}

static bool appendKvPaged(const Call& call) {
  const Tensor &k = call[0], &v = call[1], &keys = call[2], &values = call[3], &slots = call[4];
  for (int64_t row = 0; row < slots.rows(); row++) {
    const int32_t slot = *slots.row<const int32_t>(row);
    if (slot >= keys.rows()) {
      return call.fail("row %lld goes to slot %d of %lld", static_cast<long long>(row), slot, static_cast<long long>(keys.rows()));
    }
  }
  storeRows(call, k, keys, slots);
  storeRows(call, v, values, slots);
  return true;
}

WHITTLE_KERNEL("appendKv.paged", appendKvPaged);

}  // namespace WHITTLE_KERNEL_NAMESPACE
