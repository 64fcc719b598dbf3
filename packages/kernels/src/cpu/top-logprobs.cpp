#include "elementwise.h"
#include "sampling.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// The first `wanted` of a row in the order "larger logit first, then lower id"; how many there are. NaN is in no order and left out.
static int64_t leaders(const float* logits, int64_t vocab, int64_t wanted, Scratch<Candidate>& scratch, Candidate*& candidates) {
  const float threshold = thresholdFor(logits, vocab, wanted, scratch);
  candidates = scratch.get(vocab);
  int64_t found = 0;
  for (int64_t id = 0; id < vocab; id++) {
    if (logits[id] >= threshold) candidates[found++] = {logits[id], static_cast<int32_t>(id), 0};
  }
  const int64_t kept = wanted < found ? wanted : found;
  std::partial_sort(candidates, candidates + kept, candidates + found);
  return kept;
}

static bool topLogprobs(const Call& call) {
  const Tensor &logits = call[0], &ids = call[1], &logprobs = call[2], &top = call[3];
  const int64_t vocab = logits.columns(), count = call.integer(0);
  for (int64_t row = 0; row < ids.rows(); row++) {
    const int32_t id = *ids.row<const int32_t>(row);
    if (id < 0 || id >= vocab) {
      return call.fail("id %d of row %lld is outside of the vocabulary of %lld", id, static_cast<long long>(row),
                       static_cast<long long>(vocab));
    }
    const float* x = logits.row<const float>(row);
    if (indexOf(x, vocab, largestOfRow(x, vocab)) < 0) {
      return call.fail("row %lld holds no number (of %lld columns)", static_cast<long long>(row), static_cast<long long>(vocab));
    }
  }
  forRows(call, ids.rows(), 8 * vocab, [&](int64_t row) {
    static thread_local Scratch<float> weightScratch;
    static thread_local Scratch<Candidate> candidateScratch;
    const float* x = logits.row<const float>(row);
    const float largest = largestOfRow(x, vocab);
    float* weights = weightScratch.get(vocab);
    weighLogits(x, vocab, largest, 1, 0, weights);
    const double logSum = std::log(total(weights, vocab));
    const auto logprobOf = [&](float logit) {
      if (logit == largest) return static_cast<float>(-logSum);
      const double far = static_cast<double>(logit) - static_cast<double>(largest);
      return far == far ? static_cast<float>(far - logSum) : -__builtin_inff();
    };
    float* out = logprobs.row<float>(row);
    out[0] = logprobOf(x[*ids.row<const int32_t>(row)]);
    if (count == 0) return;
    Candidate* candidates;
    const int64_t found = leaders(x, vocab, count, candidateScratch, candidates);
    for (int64_t place = 0; place < count; place++) {
      out[1 + place] = place < found ? logprobOf(candidates[place].logit) : -__builtin_inff();
      top.row<int32_t>(row)[place] = place < found ? candidates[place].id : -1;
    }
  });
  return true;
}

WHITTLE_KERNEL("topLogprobs", topLogprobs);

}  // namespace WHITTLE_KERNEL_NAMESPACE
