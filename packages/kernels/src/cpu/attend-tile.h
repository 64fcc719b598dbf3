// Softmax attention of some queries over one tile of keys, and the merging of tiles in order.
//
// What a query sees is a list of keys. The list is cut into tiles of kTile by place, each tile gives a part (maximum, normaliser, weighted
// values) of its own, and the parts are merged first to last. Neither the other queries of a block nor the threads change that arithmetic,
// so a row gives the same bits alone, in a prompt chunk and with its tiles spread over threads. Source: Milakov & Gimelshein 2018; Dao et
// al. 2022 (FlashAttention).
#pragma once

#include <type_traits>

#include "dot-tile.h"
#include "elementary.h"

namespace WHITTLE_KERNEL_NAMESPACE {

constexpr int64_t kTile = 64;
constexpr float kMinusInfinity = -__builtin_inff();

// Attention over some keys, for `count` queries. values[query] holds Σ exp(logit − max)·value, rows `stride` (whole vectors) apart.
struct Parts {
  float* max;
  float* sum;
  float* values;
  int64_t stride;

  Parts at(int64_t query) const { return {max + query, sum + query, values + query * stride, stride}; }
  // Floats that `count` queries need.
  static int64_t size(int64_t count, int64_t stride) { return count * (stride + 2); }
  static Parts in(float* memory, int64_t count, int64_t stride) {
    return {memory + count * stride, memory + count * (stride + 1), memory, stride};
  }
};

inline void clear(const Parts& parts, int64_t count) {
  for (int64_t i = 0; i < count; i++) parts.max[i] = kMinusInfinity;
  std::memset(parts.sum, 0, static_cast<size_t>(count) * sizeof(float));
  std::memset(parts.values, 0, static_cast<size_t>(count * parts.stride) * sizeof(float));
}

// Scales the first `count` of a query's logits and turns them into exp(logit − max); gives max and the sum.
// A NaN among the logits makes all of it NaN. If all are −∞ the weights are 0, and the sum with them.
inline void softmaxTile(float* logits, int64_t count, float scale, float* max, float* sum) {
  const int64_t used = roundUp(count, kLanes);
  Vec largest = splat(kMinusInfinity);
  VecInt nan = {};
  for (int64_t i = 0; i < used; i += kLanes) {
    Vec s = load(logits + i) * splat(scale);
    if (i + kLanes > count) {
      const int64_t whole = count - i;
      float lanes[kLanes];
      store(lanes, s);
      for (int64_t l = whole; l < kLanes; l++) lanes[l] = kMinusInfinity;
      s = load(lanes);
    }
    store(logits + i, s);
    nan |= s != s;
    largest = larger(s, largest);
  }
  *max = any(nan) ? __builtin_nanf("") : largestLane(largest);
  const Vec shift = splat(*max == kMinusInfinity ? 0.0f : *max);
  Vec total = splat(0.0f);
  for (int64_t i = 0; i < used; i += kLanes) {
    const Vec weight = exponential(load(logits + i) - shift);
    store(logits + i, weight);
    total += weight;
  }
  *sum = sumLanes(total);
}

// values[q] += Σ weights[q][key] · tile[key] over `keys` keys, for Q queries, C vectors of columns at a time: Q·(C + 1) + 1 vectors must
// fit the registers.
template <int Q, int C, typename Format>
WHITTLE_INLINE void weighChunk(const float* weights, Rows<Format> tile, int64_t keys, float* values, int64_t stride) {
  Vec sums[Q * C];
  for (int q = 0; q < Q; q++) {
    for (int c = 0; c < C; c++) sums[q * C + c] = load(values + q * stride + c * kLanes);
  }
  for (int64_t key = 0; key < keys; key++) {
    Vec weight[Q];
    for (int q = 0; q < Q; q++) weight[q] = splat(weights[q * kTile + key]);
    for (int c = 0; c < C; c++) {
      const Vec row = Format::loadVec(tile[key] + c * kLanes);
      for (int q = 0; q < Q; q++) sums[q * C + c] = multiplyAdd(weight[q], row, sums[q * C + c]);
    }
  }
  for (int q = 0; q < Q; q++) {
    for (int c = 0; c < C; c++) store(values + q * stride + c * kLanes, sums[q * C + c]);
  }
}

template <int Q, typename Format>
inline void weigh(const float* weights, Rows<Format> tile, int64_t keys, float* values, int64_t stride) {
  int64_t column = 0;
  for (; column + 4 * kLanes <= stride; column += 4 * kLanes) {
    weighChunk<Q, 4>(weights, Rows<Format>{tile.data + column, tile.stride}, keys, values + column, stride);
  }
  for (; column < stride; column += kLanes) {
    weighChunk<Q, 1>(weights, Rows<Format>{tile.data + column, tile.stride}, keys, values + column, stride);
  }
}

// The values of `queries` queries, of which each sees the first counts[query] keys of the tile: Q together as far as all see, then each for
// itself.
template <int Q>
inline int64_t weighTogether(const float* weights, Rows<F32> tile, const int32_t* counts, int64_t from, int64_t queries, float* values,
                             int64_t stride) {
  int64_t at = from;
  for (; at + Q <= queries; at += Q) {
    int64_t common = counts[at];
    for (int q = 1; q < Q; q++) common = smaller(common, counts[at + q]);
    weigh<Q>(weights + at * kTile, tile, common, values + at * stride, stride);
    for (int64_t q = at; q < at + Q; q++) {
      if (common < counts[q]) {
        weigh<1>(weights + q * kTile + common, Rows<F32>{tile[common], tile.stride}, counts[q] - common, values + q * stride, stride);
      }
    }
  }
  return at;
}

// So many queries of one row use keys and values as they are stored.
#ifdef WHITTLE_AVX512
constexpr int64_t kFewQueries = 2 * kDotRows;
#else
constexpr int64_t kFewQueries = kDotRows;
#endif

// Adds the part of the next tile to what the tiles before it gave, for one query.
inline void mergeTile(const Parts& total, const Parts& next) {
  const float a = *total.max, b = *next.max;
  const float max = a > b || a != a ? a : b;
  const float aWeight = a == kMinusInfinity ? 0.0f : exponential(a - max);
  const float bWeight = b == kMinusInfinity ? 0.0f : exponential(b - max);
  *total.max = max;
  *total.sum = *total.sum * aWeight + *next.sum * bWeight;
  for (int64_t i = 0; i < total.stride; i += kLanes) {
    store(total.values + i, multiplyAdd(load(next.values + i), splat(bWeight), load(total.values + i) * splat(aWeight)));
  }
}

// The finished row of a query that sees `keys` keys, and its statistics (maximum, normaliser) where `stats` is given.
inline void finish(const Parts& total, int64_t keys, int64_t valueDim, float* out, float* stats) {
  // Logits that are all −∞ leave nothing to divide by.
  const float sum = keys > 0 && *total.max == kMinusInfinity ? __builtin_nanf("") : *total.sum;
  for (int64_t i = 0; i < valueDim; i++) out[i] = keys == 0 ? 0.0f : total.values[i] / sum;
  if (stats) {
    stats[0] = *total.max;
    stats[1] = sum;
  }
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
