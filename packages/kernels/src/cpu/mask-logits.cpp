#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool maskLogits(const Call& call) {
  const Tensor &logits = call[0], &mask = call[1], &at = call[2];
  for (int64_t i = 0; i < at.rows(); i++) {
    const int32_t row = *at.row<const int32_t>(i);
    if (row >= logits.rows()) {
      return call.fail("mask %lld is for row %d of %lld", static_cast<long long>(i), row, static_cast<long long>(logits.rows()));
    }
  }
  const int64_t vocab = logits.columns(), words = mask.columns();
  forRows(call, at.rows(), vocab, [&](int64_t i) {
    const int32_t row = *at.row<const int32_t>(i);
    if (row < 0) return;
    float* x = logits.row<float>(row);
    for (int64_t begin = 0; begin < vocab; begin += 32) {
      const uint32_t allowed = begin / 32 < words ? mask.row<const uint32_t>(i)[begin / 32] : 0;
      if (allowed == 0xffffffffu) continue;
      const int64_t size = vocab - begin < 32 ? vocab - begin : 32;
      for (int64_t bit = 0; bit < size; bit++) {
        if (!(allowed >> bit & 1)) x[begin + bit] = -__builtin_inff();
      }
    }
  });
  return true;
}

WHITTLE_KERNEL("maskLogits", maskLogits);

}  // namespace WHITTLE_KERNEL_NAMESPACE
