#include "../runtime/philox.h"
#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

static bool philoxWords(const Call& call) {
  const Tensor &counters = call[0], &keys = call[1], &words = call[2];
  forRows(call, words.rows(), 100, [&](int64_t row) {
    const auto* c = counters.row<const uint32_t>(row);
    const auto* k = keys.row<const uint32_t>(row);
    const PhiloxWords random = philox({{c[0], c[1], c[2], c[3]}}, k[0], k[1]);
    std::memcpy(words.row<uint32_t>(row), random.word, sizeof random.word);
  });
  return true;
}

WHITTLE_KERNEL("philoxWords", philoxWords);

}  // namespace WHITTLE_KERNEL_NAMESPACE
