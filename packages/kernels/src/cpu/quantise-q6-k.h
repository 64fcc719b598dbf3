// Numbers as q6_K: core's quantise-k.ts, with a run of 16 in each lane.
#pragma once

#include "quantise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

constexpr int kRunQ6K = 16;
// Below this a run counts as zeros.
constexpr float kNegligible = 1e-15f;

struct FitQ6K {
  // Σ x² · x · code and Σ x² · code².
  Vec sumXL, sumL2;
};

WHITTLE_INLINE FitQ6K fitQ6K(const Vec* x, Vec inverse) {
  FitQ6K fit{splat(0.0f), splat(0.0f)};
  for (int i = 0; i < kRunQ6K; i++) {
    const Vec code = nearestWithin(inverse * x[i], -32, 31);
    const Vec w = x[i] * x[i];
    fit.sumXL = fit.sumXL + w * x[i] * code;
    fit.sumL2 = fit.sumL2 + w * code * code;
  }
  return fit;
}

// Scale and codes (from 0) of a run in each lane.
inline void fitRunsQ6K(const Vec* x, Vec* scales, Vec* best) {
  const Vec zero = splat(0.0f);
  Vec extreme = zero;
  for (int i = 0; i < kRunQ6K; i++) extreme = chosen(absolute(x[i]) > absolute(extreme), x[i], extreme);
  const VecInt negligible = absolute(extreme) < splat(kNegligible);
  Vec inverse = splat(-32.0f) / extreme;
  FitQ6K fit = fitQ6K(x, inverse);
  Vec chosenInverse = inverse;
  Vec scale = chosen((fit.sumL2 != zero) & (fit.sumL2 == fit.sumL2), fit.sumXL / fit.sumL2, zero);
  Vec gain = scale * fit.sumXL;
  for (int step = -9; step <= 9; step++) {
    if (step == 0) continue;
    inverse = splat(-(32.0f + 0.1f * static_cast<float>(step))) / extreme;
    fit = fitQ6K(x, inverse);
    const VecInt better = (fit.sumL2 > zero) & (fit.sumXL * fit.sumXL > gain * fit.sumL2);
    if (!any(better)) continue;
    chosenInverse = chosen(better, inverse, chosenInverse);
    scale = chosen(better, fit.sumXL / fit.sumL2, scale);
    gain = chosen(better, scale * fit.sumXL, gain);
  }
  for (int i = 0; i < kRunQ6K; i++) {
    const Vec code = zeroIfNaN(nearestWithin(chosenInverse * x[i], -32, 31) + splat(32.0f));
    best[i] = chosen(negligible, zero, code);
  }
  *scales = chosen(negligible, zero, scale);
}

// A block of what was found for its sixteen runs; the codes are chosen anew.
inline void storeBlock(const float* x, const float* scales, float* codes, Q6K::Stored& block) {
  float largest = 0;
  for (int run = 0; run < 16; run++)
    if (__builtin_fabsf(scales[run]) > __builtin_fabsf(largest)) largest = scales[run];
  if (__builtin_fabsf(largest) < kNegligible) {
    std::memset(&block, 0, sizeof block);
    return;
  }
  const float inverse = -128 / largest;
  block.scale = F16::encode(1 / inverse);
  const float d = F16::decode(block.scale);
  for (int run = 0; run < 16; run++) {
    const float scale = atMost(nearestInteger(inverse * scales[run]), 127);
    block.scales[run] = static_cast<int8_t>(lowByte(scale));
    const float step = d * scale;
    if (step == 0) continue;  // the codes of the search, which then mean nothing
    for (int i = 16 * run; i < 16 * run + 16; i += static_cast<int>(kLanes))
      store(codes + i, zeroIfNaN(nearestWithin(load(x + i) / splat(step), -32, 31) + splat(32.0f)));
  }
  for (int half = 0; half < 2; half++) {
    for (int lane = 0; lane < 32; lane++) {
      const float* run = codes + 128 * half + lane;
      const int a = static_cast<int>(run[0]), b = static_cast<int>(run[32]), c = static_cast<int>(run[64]), e = static_cast<int>(run[96]);
      block.low[64 * half + lane] = static_cast<uint8_t>((a & 15) | (c & 15) << 4);
      block.low[64 * half + 32 + lane] = static_cast<uint8_t>((b & 15) | (e & 15) << 4);
      block.high[32 * half + lane] = static_cast<uint8_t>(a >> 4 | b >> 4 << 2 | c >> 4 << 4 | e >> 4 << 6);
    }
  }
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
