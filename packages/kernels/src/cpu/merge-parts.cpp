#include "elementary.h"
#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool mergeParts(const Call& call) {
  const Tensor &a = call[0], &aStats = call[1], &b = call[2], &bStats = call[3], &out = call[4], &stats = call[5];
  const int64_t heads = aStats.dims[1];
  const int64_t valueDim = a.columns() / heads;
  forRows(call, a.rows(), 2 * a.columns(), [&](int64_t row) {
    for (int64_t head = 0; head < heads; head++) {
      const float* aStat = aStats.row<const float>(row) + 2 * head;
      const float* bStat = bStats.row<const float>(row) + 2 * head;
      const float max = aStat[0] > bStat[0] || aStat[0] != aStat[0] ? aStat[0] : bStat[0];
      // The maximum of an empty part is −∞, and −∞ − (−∞) is no number.
      const bool empty = max == -__builtin_inff();
      const float aWeight = empty ? 0.0f : aStat[1] * exponential(aStat[0] - max);
      const float bWeight = empty ? 0.0f : bStat[1] * exponential(bStat[0] - max);
      const float sum = aWeight + bWeight;
      float* target = stats.row<float>(row) + 2 * head;
      target[0] = max;
      target[1] = sum;
      mapElements(a.row<const float>(row) + head * valueDim, b.row<const float>(row) + head * valueDim,
                  out.row<float>(row) + head * valueDim, valueDim,
                  [&](Vec p, Vec q) { return sum == 0 ? splat(0.0f) : (splat(aWeight) * p + splat(bWeight) * q) / splat(sum); });
    }
  });
  return true;
}

WHITTLE_KERNEL("mergeParts", mergeParts);

}  // namespace WHITTLE_KERNEL_NAMESPACE
