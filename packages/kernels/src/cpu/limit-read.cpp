// What the machine itself can do, measured as kernels are run: benchmarks divide by it. Here: reading memory.
#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Every element of x is read once, each thread walking along a stretch of its own. y[0] gets what keeps the reads alive.
static bool limitRead(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  const int64_t count = x.rows() * x.columns();
  const float* data = x.row<const float>(0);
  constexpr int64_t stretch = 64 * 1024;
  float* sum = y.row<float>(0);
  *sum = 0;
  call.workers.parallelFor((count + stretch - 1) / stretch, 1, [&](int64_t from, int64_t to) {
    const int64_t end = to * stretch < count ? to * stretch : count;
    Vec a = {}, b = {}, c = {}, d = {};
    int64_t i = from * stretch;
    for (; i + 4 * kLanes <= end; i += 4 * kLanes) {
      a += load(data + i);
      b += load(data + i + kLanes);
      c += load(data + i + 2 * kLanes);
      d += load(data + i + 3 * kLanes);
    }
    const float part = sumLanes((a + b) + (c + d));
    if (part == 12345.678f) *sum = part;
  });
  return true;
}

WHITTLE_KERNEL("limit.read", limitRead);

}  // namespace WHITTLE_KERNEL_NAMESPACE
