#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// In squares, so that the lines of both sides stay in the first-level cache while they are used.
template <typename T>
static void transposeAs(const Call& call, const Tensor& x, const Tensor& y) {
  constexpr int64_t side = 32;
  const int64_t rows = x.rows(), columns = x.columns();
  call.workers.parallelFor((columns + side - 1) / side, 1 + 32 * 1024 / (side * (rows + 1)), [&](int64_t from, int64_t to) {
    for (int64_t band = from; band < to; band++) {
      const int64_t first = band * side;
      const int64_t last = first + side < columns ? first + side : columns;
      for (int64_t top = 0; top < rows; top += side) {
        const int64_t bottom = top + side < rows ? top + side : rows;
        for (int64_t j = first; j < last; j++) {
          for (int64_t i = top; i < bottom; i++) y.row<T>(j)[i] = x.row<const T>(i)[j];
        }
      }
    }
  });
}

static bool transpose(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  if (x.dtype == DType::f32) {
    transposeAs<uint32_t>(call, x, y);
  } else {
    transposeAs<uint16_t>(call, x, y);
  }
  return true;
}

WHITTLE_KERNEL("transpose", transpose);

}  // namespace WHITTLE_KERNEL_NAMESPACE
