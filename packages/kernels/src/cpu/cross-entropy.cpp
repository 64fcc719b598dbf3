#include <cmath>

#include "argmax.h"
#include "elementary.h"
#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// log Σ exp(x). Four interleaved sums per lane: a vocabulary is long, and each of them stays short.
static double logSum(const float* x, int64_t count) {
  const float largest = largestOfRow(x, count);
  const Vec shift = splat(largest);
  Vec sums[4] = {};
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int64_t part = 0; part < 4; part++) sums[part] += exponential(load(x + i + part * kLanes) - shift);
  }
  float sum = sumLanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < count; i++) sum += exponential(x[i] - largest);
  return largest + std::log(static_cast<double>(sum));
}

static bool crossEntropy(const Call& call) {
  const Tensor &logits = call[0], &targets = call[1], &loss = call[2];
  const int64_t columns = logits.columns();
  for (int64_t row = 0; row < loss.rows(); row++) {
    const int32_t target = *targets.row<const int32_t>(row);
    if (target >= columns) {
      return call.fail("target %d in row %lld is outside of the vocabulary of %lld", target, static_cast<long long>(row),
                       static_cast<long long>(columns));
    }
  }
  forRows(call, loss.rows(), 8 * columns, [&](int64_t row) {
    const float* x = logits.row<const float>(row);
    const int32_t target = *targets.row<const int32_t>(row);
    *loss.row<float>(row) = target < 0 ? 0.0f : static_cast<float>(logSum(x, columns) - x[target]);
  });
  return true;
}

WHITTLE_KERNEL("crossEntropy", crossEntropy);

}  // namespace WHITTLE_KERNEL_NAMESPACE
