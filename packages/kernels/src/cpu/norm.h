// The two normalisations of a row, in float64 throughout: squares cannot overflow, the mean cancels without loss, and it still costs less
// than reading the row from memory.
#pragma once

#include <cmath>

#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Σ term(i) over a row, in eight interleaved sums of a fixed order.
template <typename Term>
WHITTLE_INLINE double sumRow(int64_t count, Term term) {
  double sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int l = 0; l < 8; l++) sums[l] += term(i + l);
  }
  for (int l = 0; i < count; i++, l++) sums[l] += term(i);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

inline void rmsNormRow(const float* x, const float* weight, double epsilon, float* y, int64_t count) {
  const double squares = sumRow(count, [&](int64_t i) { return static_cast<double>(x[i]) * x[i]; });
  const double scale = 1 / std::sqrt(squares / static_cast<double>(count) + epsilon);
  for (int64_t i = 0; i < count; i++) y[i] = static_cast<float>(x[i] * scale * weight[i]);
}

inline void layerNormRow(const float* x, const float* weight, const float* bias, double epsilon, float* y, int64_t count) {
  const double mean = sumRow(count, [&](int64_t i) { return static_cast<double>(x[i]); }) / static_cast<double>(count);
  const double squares = sumRow(count, [&](int64_t i) { return (x[i] - mean) * (x[i] - mean); });
  const double scale = 1 / std::sqrt(squares / static_cast<double>(count) + epsilon);
  for (int64_t i = 0; i < count; i++) y[i] = static_cast<float>((x[i] - mean) * scale * weight[i] + bias[i]);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
