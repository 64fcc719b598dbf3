#include "bytes.h"
#include "elementary.h"
#include "elementwise.h"
#include "product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Floats that wait for their partner: few enough to stay in the second-level cache.
constexpr int64_t kWaiting = 128 * 1024;

static Tensor rowsOf(const Tensor& x, int64_t from, int64_t count) {
  Tensor part = x;
  if (!x.present()) return part;
  part.data = static_cast<uint8_t*>(x.data) + bytesOf(x.dtype, from * x.rowStride);
  part.dims[0] = count;
  return part;
}

// A panel of columns at a time: its gates go to y, its other halves to scratch, where they meet.
static bool gatedLinear(const Call& call) {
  const Tensor &x = call[0], &gate = call[1], &up = call[2], &gateBias = call[3], &upBias = call[4], &y = call[5];
  const int64_t rows = y.rows(), width = y.columns();
  if (rows == 0) return true;
  static thread_local Scratch<float> scratch;
  const int64_t panel = roundUp(kWaiting / rows < 256 ? 256 : kWaiting / rows, 32);
  for (int64_t from = 0; from < width; from += panel) {
    const int64_t count = width - from < panel ? width - from : panel;
    Tensor gates = y, ups = y;
    gates.data = y.row<float>(0) + from;
    gates.dims[1] = ups.dims[1] = count;
    ups.data = scratch.get(rows * count);
    ups.rowStride = count;
    product(call, x, rowsOf(gate, from, count), rowsOf(gateBias, from, count), gates);
    product(call, x, rowsOf(up, from, count), rowsOf(upBias, from, count), ups);
    forRows(call, rows, 6 * count, [&](int64_t row) {
      float* out = gates.row<float>(row);
      mapElements(out, ups.row<const float>(row), out, count, [](Vec g, Vec u) { return silu(g) * u; });
    });
  }
  return true;
}

WHITTLE_KERNEL("gatedLinear", gatedLinear);

}  // namespace WHITTLE_KERNEL_NAMESPACE
