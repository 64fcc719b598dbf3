// Which ids a sampler keeps, found without sorting the vocabulary. All of it reduces to one cutoff: an id is kept if it comes before the
// cutoff in the order "larger logit first, then lower id".
#pragma once

#include <algorithm>
#include <cmath>

#include "argmax.h"
#include "elementary.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

struct Candidate {
  float logit;
  int32_t id;
  float weight;

  bool operator<(const Candidate& other) const { return logit != other.logit ? logit > other.logit : id < other.id; }
};

// weights[i] = exp((logits[i] − largest) / temperature), the largest giving 1 and NaN giving 0; those below minP give 0. The relative error
// is about 2u·|exponent| + 4u, so that of a probability is below 1e-5 wherever it counts.
inline void weighLogits(const float* logits, int64_t count, float largest, float temperature, float minP, float* weights) {
  const auto weigh = [&](Vec logit) {
    const Vec weight = logit == splat(largest) ? splat(1.0f) : exponential((logit - splat(largest)) / splat(temperature));
    return weight >= splat(minP) ? weight : splat(0.0f);
  };
  mapElements(logits, weights, count, weigh);
}

// Σ weights in float64, in an order of its own.
inline double total(const float* weights, int64_t count) {
  constexpr int64_t lanes = 32;
  double sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (int64_t l = 0; l < lanes; l++) sums[l] += weights[i + l];
  }
  for (int64_t l = 0; i < count; i++, l++) sums[l] += weights[i];
  for (int64_t half = lanes / 2; half > 0; half /= 2) {
    for (int64_t l = 0; l < half; l++) sums[l] += sums[l + half];
  }
  return sums[0];
}

// Puts into `candidates` all ids of positive weight whose logit reaches `threshold`.
inline int64_t collect(const float* logits, const float* weights, int64_t count, float threshold, Candidate* candidates) {
  int64_t found = 0;
  const auto visit = [&](int64_t i) {
    if (weights[i] > 0 && logits[i] >= threshold) candidates[found++] = {logits[i], static_cast<int32_t>(i), weights[i]};
  };
  const Vec wanted = splat(threshold);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    if (!any(load(logits + i) >= wanted)) continue;
    for (int64_t l = 0; l < kLanes; l++) visit(i + l);
  }
  for (; i < count; i++) visit(i);
  return found;
}

// A logit that at least `wanted` logits of the row reach, near the one that exactly so many reach: the `wanted`-th largest of the maxima of
// short stretches. −∞ if there are too few stretches.
inline float thresholdFor(const float* logits, int64_t count, int64_t wanted, Scratch<Candidate>& scratch) {
  constexpr int64_t stretch = 64;
  const int64_t stretches = count / stretch;
  if (wanted > stretches) return -__builtin_inff();
  Candidate* maxima = scratch.get(stretches);
  for (int64_t i = 0; i < stretches; i++) maxima[i] = {largestOfRow(logits + i * stretch, stretch), static_cast<int32_t>(i), 0};
  std::nth_element(maxima, maxima + wanted - 1, maxima + stretches);
  return maxima[wanted - 1].logit;
}

// The last of the fewest leading candidates whose weights reach `mass`, by bisection: what lies before the middle is summed, then half is
// left. Leaves candidates partly ordered. If all do not reach it, the last of all.
inline Candidate lastWithin(Candidate* candidates, int64_t count, double mass) {
  int64_t from = 0, to = count;
  double before = 0;
  while (to - from > 1) {
    const int64_t middle = from + (to - from) / 2;
    std::nth_element(candidates + from, candidates + middle, candidates + to);
    double sum = 0;
    for (int64_t i = from; i < middle; i++) sum += candidates[i].weight;
    if (before + sum >= mass) {
      to = middle;
    } else {
      before += sum;
      from = middle;
    }
  }
  return candidates[from];
}

// The cutoff of topK alone: the last of the first `wanted`.
inline Candidate cutCount(const float* logits, const float* weights, int64_t count, int64_t wanted, Scratch<Candidate>& scratch) {
  const float threshold = thresholdFor(logits, count, wanted, scratch);
  Candidate* candidates = scratch.get(count);
  const int64_t found = collect(logits, weights, count, threshold, candidates);
  const int64_t last = (wanted < found ? wanted : found) - 1;
  std::nth_element(candidates, candidates + last, candidates + found);
  return candidates[last];
}

// Puts into `candidates` all ids whose weight is positive and reaches `least`.
inline int64_t collectHeavy(const float* logits, const float* weights, int64_t count, float least, Candidate* candidates) {
  int64_t found = 0;
  const auto visit = [&](int64_t i) {
    if (weights[i] > 0 && weights[i] >= least) candidates[found++] = {logits[i], static_cast<int32_t>(i), weights[i]};
  };
  const Vec nothing = splat(0.0f), wanted = splat(least);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const Vec w = load(weights + i);
    if (!any((w > nothing) & (w >= wanted))) continue;
    for (int64_t l = 0; l < kLanes; l++) visit(i + l);
  }
  for (; i < count; i++) visit(i);
  return found;
}

// The cutoff of topP. Ids so light that all of them together make up less than what is cut off cannot be it. A histogram of the logits of
// the others says in which bin the mass is reached; only the candidates of that bin are ordered.
inline Candidate cutMass(const float* logits, const float* weights, int64_t count, float largest, float topP, Scratch<Candidate>& scratch) {
  constexpr int64_t bins = 1024;
  const double all = total(weights, count);
  // Half of it, for rounding.
  const double light = 0.5 * (1 - static_cast<double>(topP)) * all / static_cast<double>(count);
  Candidate* candidates = scratch.get(count);
  const int64_t found = collectHeavy(logits, weights, count, static_cast<float>(light), candidates);
  float least = largest;
  for (int64_t i = 0; i < found; i++) least = candidates[i].logit < least ? candidates[i].logit : least;
  const float scale = least < largest ? static_cast<float>(bins) / (largest - least) : 0.0f;
  // Never falls as the logit falls. An infinite maximum shares its bin with nothing less: such weights are 0.
  const auto binOf = [&](float logit) {
    const float place = logit == largest ? 0.0f : (largest - logit) * scale;
    return place < static_cast<float>(bins - 1) ? static_cast<int64_t>(place) : bins - 1;
  };
  double masses[bins] = {};
  for (int64_t i = 0; i < found; i++) masses[binOf(candidates[i].logit)] += candidates[i].weight;
  const double goal = static_cast<double>(topP) * all;
  double before = 0;
  int64_t bin = 0;
  for (int64_t i = 0; i < bins; i++) {
    if (masses[i] == 0) continue;
    bin = i;
    if (before + masses[i] >= goal) break;
    before += masses[i];
  }
  int64_t within = 0;
  for (int64_t i = 0; i < found; i++) {
    if (binOf(candidates[i].logit) == bin) candidates[within++] = candidates[i];
  }
  return lastWithin(candidates, within, goal - before);
}

// Weights that topK, then topP, do not keep become 0. At least one is positive.
inline void truncate(const float* logits, float* weights, int64_t count, float largest, float topK, float topP,
                     Scratch<Candidate>& scratch) {
  const auto cut = [&](const Candidate& last) {
    for (int64_t i = 0; i < count; i++) {
      const bool kept = logits[i] > last.logit || (logits[i] == last.logit && i <= last.id);
      weights[i] = kept ? weights[i] : 0.0f;
    }
  };
  if (topK >= 1 && topK < static_cast<float>(count)) cut(cutCount(logits, weights, count, static_cast<int64_t>(topK), scratch));
  if (topP < 1) cut(cutMass(logits, weights, count, largest, topP, scratch));
}

// The first id at which the cumulative weight exceeds u · Σ weights; the last of positive weight if rounding leaves none.
inline int64_t drawFrom(const float* weights, int64_t count, double u) {
  constexpr int64_t stretch = 256;
  const double goal = u * total(weights, count);
  double cumulative = 0;
  int64_t last = -1;
  for (int64_t begin = 0; begin < count; begin += stretch) {
    const int64_t size = count - begin < stretch ? count - begin : stretch;
    const double sum = total(weights + begin, size);
    if (sum == 0) continue;
    if (cumulative + sum > goal) {
      double within = cumulative;
      for (int64_t i = begin; i < begin + size; i++) {
        within += weights[i];
        if (weights[i] > 0) last = i;
        if (within > goal) return i;
      }
    } else {
      for (int64_t i = begin + size - 1; i >= begin; i--) {
        if (weights[i] > 0) {
          last = i;
          break;
        }
      }
    }
    cumulative += sum;
  }
  return last;
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
