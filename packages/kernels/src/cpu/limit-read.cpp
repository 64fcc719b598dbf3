// What the machine itself can do, measured as kernels are run: benchmarks divide by it. Here: reading memory.
#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Every element of x is read once, each thread walking along four stretches of its own: a Zen 5 reads faster from four streams than from
// one or two. y[0] gets what keeps the reads alive.
static bool limitRead(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  const int64_t count = x.rows() * x.columns();
  const float* data = x.row<const float>(0);
  constexpr int64_t stretch = 64 * 1024;
  float* sum = y.row<float>(0);
  *sum = 0;
  call.workers.parallelFor((count + stretch - 1) / stretch, 1, [&](int64_t from, int64_t to) {
    const float* begin = data + from * stretch;
    const int64_t size = smaller(to * stretch, count) - from * stretch;
    constexpr int64_t step = 2 * kLanes;
    const int64_t quarter = size / (4 * step) * step;
    Vec sums[4] = {};
    for (int64_t i = 0; i < quarter; i += step) {
      for (int64_t stream = 0; stream < 4; stream++) {
        const float* at = begin + stream * quarter + i;
        sums[stream] += load(at) + load(at + kLanes);
      }
    }
    for (int64_t i = 4 * quarter; i + kLanes <= size; i += kLanes) sums[0] += load(begin + i);
    const float part = sumLanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
    if (part == 12345.678f) *sum = part;
  });
  return true;
}

WHITTLE_KERNEL("limit.read", limitRead);

}  // namespace WHITTLE_KERNEL_NAMESPACE
