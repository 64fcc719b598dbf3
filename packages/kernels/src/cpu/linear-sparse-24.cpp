#include "sparse-product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool linearSparse24(const Call& call) {
  const Tensor &x = call[0], &values = call[1], &indices = call[2], &scales = call[3], &bias = call[4], &y = call[5];
  withKeptFormat(values.dtype, [&](auto format) {
    using Format = decltype(format);
    const auto rowOf = [&](int64_t out, int64_t ahead) {
      return Row24<Format>{values.row<const typename Format::Stored>(out), indices.row<const uint8_t>(out),
                           {scales.row<const uint16_t>(out), 0.0f}, ahead * values.rowStride, ahead * indices.rowStride};
    };
    sparseProduct(call, x, rowOf, bias, y);
  });
  return true;
}

WHITTLE_KERNEL("linear.sparse24", linearSparse24);

}  // namespace WHITTLE_KERNEL_NAMESPACE
