// Numbers as q4_K: core's quantise-k.ts, with a run of 32 in each lane.
#pragma once

#include "quantise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

constexpr int kRunQ4K = 32;

// What an error in each element weighs.
WHITTLE_INLINE void weigh(const Vec* x, Vec* importance) {
  Vec squares = splat(0.0f);
  for (int i = 0; i < kRunQ4K; i++) squares = squares + x[i] * x[i];
  squares = squares / splat(32.0f);
  Vec size;
  for (int64_t lane = 0; lane < kLanes; lane++) size[lane] = __builtin_sqrtf(squares[lane]);
  for (int i = 0; i < kRunQ4K; i++) importance[i] = size + absolute(x[i]);
}

WHITTLE_INLINE Vec errorOfRuns(const Vec* x, const Vec* importance, const Vec* codes, Vec scale, Vec min) {
  Vec error = splat(0.0f);
  for (int i = 0; i < kRunQ4K; i++) {
    const Vec difference = scale * codes[i] + min - x[i];
    error = error + importance[i] * (difference * difference);
  }
  return error;
}

// Scale, min (0 or below, its sign changed) and codes of a run in each lane.
inline void fitRunsQ4K(const Vec* x, Vec* scales, Vec* mins, Vec* best) {
  Vec importance[kRunQ4K], trial[kRunQ4K];
  weigh(x, importance);
  const Vec zero = splat(0.0f);
  Vec least = x[0], most = x[0], sumW = importance[0], sumX = importance[0] * x[0];
  for (int i = 1; i < kRunQ4K; i++) {
    least = chosen(x[i] < least, x[i], least);
    most = chosen(x[i] > most, x[i], most);
    sumW = sumW + importance[i];
    sumX = sumX + importance[i] * x[i];
  }
  least = chosen(least > zero, zero, least);
  const VecInt flat = most == least;
  const Vec plain = splat(15.0f) / (most - least);
  Vec scale = splat(1.0f) / plain, min = least;
  for (int i = 0; i < kRunQ4K; i++) best[i] = zeroIfNaN(nearestWithin(plain * (x[i] - min), 0, 15));
  Vec bestError = errorOfRuns(x, importance, best, scale, min);
  for (int step = 0; step <= 20; step++) {
    const Vec inverse = splat(-1.0f + 0.1f * static_cast<float>(step) + 15.0f) / (most - min);
    Vec sumL = zero, sumL2 = zero, sumXL = zero;
    for (int i = 0; i < kRunQ4K; i++) {
      const Vec code = nearestWithin(inverse * (x[i] - min), 0, 15);
      const Vec weighted = importance[i] * code;
      sumL = sumL + weighted;
      sumL2 = sumL2 + weighted * code;
      sumXL = sumXL + weighted * x[i];
      trial[i] = zeroIfNaN(code);
    }
    const Vec determinant = sumW * sumL2 - sumL * sumL;
    Vec fitted = (sumW * sumXL - sumX * sumL) / determinant;
    Vec fittedMin = (sumL2 * sumX - sumL * sumXL) / determinant;
    const VecInt above = fittedMin > zero;
    fittedMin = chosen(above, zero, fittedMin);
    fitted = chosen(above, sumXL / sumL2, fitted);
    const Vec error = errorOfRuns(x, importance, trial, fitted, fittedMin);
    const VecInt better = (determinant > zero) & (error < bestError);
    if (!any(better)) continue;
    for (int i = 0; i < kRunQ4K; i++) best[i] = chosen(better, trial[i], best[i]);
    bestError = chosen(better, error, bestError);
    scale = chosen(better, fitted, scale);
    min = chosen(better, fittedMin, min);
  }
  // Runs of one number have a min alone.
  for (int i = 0; i < kRunQ4K; i++) best[i] = chosen(flat, zero, best[i]);
  *scales = chosen(flat, zero, scale);
  *mins = -chosen(flat, least, min);
}

// The larger; NaN if one is.
WHITTLE_INLINE float largerOrNaN(float a, float b) {
  return a != a || b != b ? __builtin_nanf("") : a > b ? a : b;
}

// The inverse of `unpackScales`; runs come in order.
WHITTLE_INLINE void packScale(uint8_t* packed, int run, uint8_t scale, uint8_t min, uint8_t scaleAbove, uint8_t minAbove) {
  if (run < 4) {
    packed[run] = scale;
    packed[run + 4] = min;
  } else {
    packed[run + 4] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
    packed[run - 4] = static_cast<uint8_t>(packed[run - 4] | scaleAbove << 6);
    packed[run] = static_cast<uint8_t>(packed[run] | minAbove << 6);
  }
}

// A block of what was found for its eight runs; the codes are chosen anew.
inline void storeBlock(const float* x, const float* scales, const float* mins, float* codes, Q4K::Stored& block) {
  float maxScale = 0, maxMin = 0;
  for (int run = 0; run < 8; run++) {
    maxScale = largerOrNaN(maxScale, scales[run]);
    maxMin = largerOrNaN(maxMin, mins[run]);
  }
  const float inverseScale = maxScale > 0 ? 63 / maxScale : 0, inverseMin = maxMin > 0 ? 63 / maxMin : 0;
  block.scale = F16::encode(maxScale / 63);
  block.minScale = F16::encode(maxMin / 63);
  const float d = F16::decode(block.scale), dmin = F16::decode(block.minScale);
  for (int run = 0; run < 8; run++) {
    const float scale = atMost(nearestInteger(inverseScale * scales[run]), 63);
    const float min = atMost(nearestInteger(inverseMin * mins[run]), 63);
    const uint8_t scaleByte = lowByte(scale), minByte = lowByte(min);
    packScale(block.scales, run, scaleByte, minByte, scaleByte >> 4, minByte >> 4);
    const float step = d * scale;
    if (step == 0) continue;  // the codes of the search, which then mean nothing
    const float offset = dmin * min;
    for (int i = 32 * run; i < 32 * run + 32; i += static_cast<int>(kLanes))
      store(codes + i, zeroIfNaN(nearestWithin((load(x + i) + splat(offset)) / splat(step), 0, 15)));
  }
  for (int pair = 0; pair < 4; pair++) {
    for (int lane = 0; lane < 32; lane++) {
      const int low = static_cast<int>(codes[64 * pair + lane]), high = static_cast<int>(codes[64 * pair + 32 + lane]);
      block.codes[32 * pair + lane] = static_cast<uint8_t>(low | high << 4);
    }
  }
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
