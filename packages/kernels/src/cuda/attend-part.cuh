// Softmax attention over some keys as a part of that over all: its largest logit, Σ exp(logit − largest), and Σ exp(logit − largest)·value. Parts are
// folded in the order of the keys, by the same arithmetic wherever it happens, so that f32 results do not depend on how a row was shared out.
// Source: Milakov & Gimelshein 2018.
#pragma once

#include "attend-keys.cuh"

namespace whittle::cuda {

constexpr float minusInfinity = -INFINITY;

struct PartStats {
  float max;
  float sum;

  // No key, or none with a logit above −∞.
  __device__ bool empty() const { return max == minusInfinity && sum == 0; }
};

// exp(x − max) where max is at least x; 0 for −∞.
__device__ inline float weightOf(float x, float max) {
  return x == minusInfinity ? 0.0f : expf(x - max);
}

// Folding: total = total · own + next · other.
struct FoldWeights {
  PartStats stats;
  float own;
  float other;
};

__device__ inline FoldWeights foldStats(const PartStats& total, const PartStats& next) {
  if (next.empty()) return {total, 1, 0};
  if (total.empty()) return {next, 0, 1};
  const float max = largerOrNaN(total.max, next.max);
  const float own = weightOf(total.max, max), other = weightOf(next.max, max);
  return {{max, total.sum * own + next.sum * other}, own, other};
}

// What is not counted must not be touched: it may be infinite, or never written.
__device__ inline float foldValue(float total, float next, const FoldWeights& weights) {
  return weights.other == 0 ? total : weights.own == 0 ? next * weights.other : fmaf(total, weights.own, next * weights.other);
}

// The normaliser of a row that sees `count` keys: logits that are all −∞ leave nothing to divide by.
__device__ inline float normaliser(const PartStats& total, int32_t count) {
  return count > 0 && total.max == minusInfinity ? NAN : total.sum;
}

__device__ inline float loadFloat(const Tensor& tensor, int64_t row, int64_t column) {
  switch (tensor.dtype) {
    case DType::f16:
      return toFloat(tensor.row<const F16>(row)[column]);
    case DType::bf16:
      return toFloat(tensor.row<const BF16>(row)[column]);
    default:
      return tensor.row<const float>(row)[column];
  }
}

__device__ inline void storeFloat(const Tensor& tensor, int64_t row, int64_t column, float value) {
  switch (tensor.dtype) {
    case DType::f16:
      tensor.row<F16>(row)[column] = fromFloat<F16>(value);
      break;
    case DType::bf16:
      tensor.row<BF16>(row)[column] = fromFloat<BF16>(value);
      break;
    default:
      tensor.row<float>(row)[column] = value;
  }
}

// The finished element of a row, and its statistics by whoever has the first column.
__device__ inline void finishElement(const Tensor& out, const Tensor& stats, const AttendShape& shape, int64_t row, int32_t head, int32_t column,
                                     int32_t count, const PartStats& total, float value) {
  const float sum = normaliser(total, count);
  storeFloat(out, row, int64_t{head} * shape.valueDim + column, count == 0 ? 0.0f : value / sum);
  if (column > 0 || !stats.present()) return;
  float* pair = stats.row<float>(row) + 2 * head;
  pair[0] = total.max;
  pair[1] = sum;
}

}  // namespace whittle::cuda
