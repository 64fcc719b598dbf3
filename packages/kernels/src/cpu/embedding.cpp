#include "blocks.h"
#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool embedding(const Call& call) {
  const Tensor &table = call[0], &ids = call[1], &y = call[2];
  for (int64_t row = 0; row < ids.rows(); row++) {
    const int32_t id = *ids.row<const int32_t>(row);
    if (id >= table.rows()) {
      return call.fail("id %d in row %lld is outside of the table of %lld rows", id, static_cast<long long>(row),
                       static_cast<long long>(table.rows()));
    }
  }
  const int64_t columns = y.columns();
  withWeightRows(table, [&]<typename Format>(Rows<Format> tableRows) {
    forRows(call, y.rows(), columns, [&](int64_t row) {
      const int32_t id = *ids.row<const int32_t>(row);
      if (id < 0) {
        std::memset(y.row<float>(row), 0, static_cast<size_t>(columns) * sizeof(float));
      } else {
        decodeRow<Format>(tableRows[id], y.row<float>(row), columns);
      }
    });
  });
  return true;
}

WHITTLE_KERNEL("embedding", embedding);

}  // namespace WHITTLE_KERNEL_NAMESPACE
