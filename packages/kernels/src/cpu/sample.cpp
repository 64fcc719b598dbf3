#include "../runtime/philox.h"
#include "elementwise.h"
#include "sampling.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// As core's `purpose.sample`.
constexpr uint32_t kPurposeSample = 0;

static int64_t sampleRow(const float* logits, int64_t vocab, const float* settings, const uint32_t* keys) {
  static thread_local Scratch<float> weightScratch;
  static thread_local Scratch<Candidate> candidateScratch;
  const float temperature = settings[0], topK = settings[1], topP = settings[2], minP = settings[3];
  const float largest = largestOfRow(logits, vocab);
  const int64_t best = indexOf(logits, vocab, largest);
  if (temperature == 0 || best < 0) return best;
  float* weights = weightScratch.get(vocab);
  weighLogits(logits, vocab, largest, temperature, minP, weights);
  truncate(logits, weights, vocab, largest, topK, topP, candidateScratch);
  const PhiloxWords random = philox({{keys[3], keys[2], kPurposeSample, 0}}, keys[0], keys[1]);
  return drawFrom(weights, vocab, (random.word[0] >> 8) * 0x1p-24);
}

static bool sample(const Call& call) {
  const Tensor &logits = call[0], &settings = call[1], &keys = call[2], &ids = call[3];
  const int64_t vocab = logits.columns();
  for (int64_t row = 0; row < ids.rows(); row++) {
    const float temperature = settings.row<const float>(row)[0];
    if (!(temperature >= 0)) return call.fail("the temperature %g of row %lld must be 0 or more", temperature, static_cast<long long>(row));
  }
  forRows(call, ids.rows(), 8 * vocab, [&](int64_t row) {
    const int64_t id = sampleRow(logits.row<const float>(row), vocab, settings.row<const float>(row), keys.row<const uint32_t>(row));
    *ids.row<int32_t>(row) = static_cast<int32_t>(id);
  });
  for (int64_t row = 0; row < ids.rows(); row++) {
    if (*ids.row<int32_t>(row) < 0) {
      return call.fail("row %lld holds no number (of %lld columns)", static_cast<long long>(row), static_cast<long long>(vocab));
    }
  }
  return true;
}

WHITTLE_KERNEL("sample", sample);

}  // namespace WHITTLE_KERNEL_NAMESPACE
