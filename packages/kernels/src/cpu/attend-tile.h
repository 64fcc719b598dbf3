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
// So many queries use keys and values as they are stored, at most.
constexpr int64_t kFewQueries = 12;
// So many queries of a key head go through a tile together, at most.
constexpr int64_t kBlockQueries = 128;
constexpr float kMinusInfinity = -__builtin_inff();

// Attention over some keys, for `count` queries. values[query] holds Σ exp(logit − max)·value, rows `stride` (whole vectors) apart.
struct Parts {
  float* max;
  float* sum;
  float* values;
  int64_t stride;

  Parts at(int64_t query) const { return {max + query, sum + query, values + query * stride, stride}; }
  // Floats that `count` queries need.
  static int64_t size(int64_t count, int64_t stride) { return roundUp(count, kLanes) * (stride + 2); }
  static Parts in(float* memory, int64_t count, int64_t stride) {
    const int64_t padded = roundUp(count, kLanes);
    return {memory + padded * stride, memory + padded * (stride + 1), memory, stride};
  }
};

inline void clear(const Parts& parts, int64_t count) {
  for (int64_t i = 0; i < count; i++) parts.max[i] = kMinusInfinity;
  std::memset(parts.sum, 0, static_cast<size_t>(count) * sizeof(float));
  std::memset(parts.values, 0, static_cast<size_t>(count * parts.stride) * sizeof(float));
}

// Scales the first `count` of a query's logits and turns them into exp(logit − max), the others of the tile into 0; gives max and the sum.
// A NaN among the logits makes all of it NaN. If all are −∞ the weights are 0, and the sum with them.
inline void softmaxTile(float* logits, int64_t count, float scale, float* max, float* sum) {
  constexpr int together = 4;
  static_assert(kTile % (together * kLanes) == 0);
  const int64_t used = roundUp(count, together * kLanes);
  VecInt lane;
  WHITTLE_UNROLL
  for (int i = 0; i < kLanes; i++) lane[i] = i;
  Vec largest = splat(kMinusInfinity);
  VecInt nan = {};
  for (int64_t i = 0; i < used; i += together * kLanes) {
    WHITTLE_UNROLL
    for (int v = 0; v < together; v++) {
      float* at = logits + i + v * kLanes;
      const Vec s = lane < static_cast<int32_t>(count - i - v * kLanes) ? load(at) * splat(scale) : splat(kMinusInfinity);
      store(at, s);
      nan |= s != s;
      largest = larger(s, largest);
    }
  }
  *max = any(nan) ? __builtin_nanf("") : largestLane(largest);
  const Vec shift = splat(*max == kMinusInfinity ? 0.0f : *max);
  Vec total = splat(0.0f);
  for (int64_t i = 0; i < used; i += together * kLanes) {
    Vec weights[together];
    WHITTLE_UNROLL
    for (int v = 0; v < together; v++) weights[v] = exponential(load(logits + i + v * kLanes) - shift);
    WHITTLE_UNROLL
    for (int v = 0; v < together; v++) {
      store(logits + i + v * kLanes, weights[v]);
      total += weights[v];
    }
  }
  *sum = sumLanes(total);
}

// Numbers of several queries, for each query those of a tile's keys next to each other.
struct ByQuery {
  float* data;

  float* at(int64_t query, int64_t key) const { return data + query * kTile + key; }
  ByQuery from(int64_t query, int64_t key) const { return {at(query, key)}; }
};

// logits(query, key) = x[query] · keys[key] for Q queries and `count` keys; step(n) after n keys.
template <int Q, typename Format, typename Step>
inline void dotKeys(Rows<F32> x, Rows<Format> keys, int64_t depth, int64_t count, float* logits, const Step& step) {
  int64_t key = 0;
  for (; key + kDotOuts <= count; key += kDotOuts) {
    dotBlock<Q, kDotOuts>(x, Rows<Format>{keys[key], keys.stride}, nullptr, depth, 0, logits + key, kTile);
    step(kDotOuts);
  }
  for (; key < count; key++) {
    dotBlock<Q, 1>(x, Rows<Format>{keys[key], keys.stride}, nullptr, depth, 0, logits + key, kTile);
    step(1);
  }
}

// Vectors of columns that are summed together, at most.
constexpr int kWeighVecs = 4;

// values[q] (0 where they are `fresh`) += Σ weights(q, key) · tile[key] over `keys` keys, for Q queries, C vectors of columns at a time:
// Q·(C + 1) + 1 vectors must fit the registers. step(n) after n keys.
template <int Q, int C, typename Weights, typename Format, typename Step>
inline void weighChunk(Weights weights, Rows<Format> tile, int64_t keys, bool fresh, float* values, int64_t stride, const Step& step) {
  Vec sums[Q * C];
  WHITTLE_UNROLL
  for (int q = 0; q < Q; q++) {
    WHITTLE_UNROLL
    for (int c = 0; c < C; c++) sums[q * C + c] = fresh ? splat(0.0f) : load(values + q * stride + c * kLanes);
  }
  for (int64_t key = 0; key < keys;) {
    const int64_t begin = key, end = smaller(key + 4, keys);
    for (; key < end; key++) {
      Vec weight[Q];
      WHITTLE_UNROLL
      for (int q = 0; q < Q; q++) weight[q] = splat(*weights.at(q, key));
      WHITTLE_UNROLL
      for (int c = 0; c < C; c++) {
        const Vec row = Format::loadVec(tile[key] + c * kLanes);
        WHITTLE_UNROLL
        for (int q = 0; q < Q; q++) sums[q * C + c] = multiplyAdd(weight[q], row, sums[q * C + c]);
      }
    }
    step(end - begin);
  }
  WHITTLE_UNROLL
  for (int q = 0; q < Q; q++) {
    WHITTLE_UNROLL
    for (int c = 0; c < C; c++) store(values + q * stride + c * kLanes, sums[q * C + c]);
  }
}

template <int Q, typename Weights, typename Format, typename Step>
inline void weighTile(Weights weights, Rows<Format> tile, int64_t keys, bool fresh, float* values, int64_t stride, const Step& step) {
  inParts<kWeighVecs>(stride / kLanes, [&](auto columns, int64_t at) {
    weighChunk<Q, columns()>(weights, Rows<Format>{tile.data + at * kLanes, tile.stride}, keys, fresh, values + at * kLanes, stride, step);
  });
}

// Adds to the values of `queries` queries those of the tile's keys from `place` on, `run` of them, of which each query sees those before
// counts[query]: kDotRows queries together as far as all see, then each for itself. The first key sets the values.
template <typename Weights, typename Format, typename Step>
inline void weigh(Weights weights, Rows<Format> tile, int64_t place, int64_t run, const int32_t* counts, int64_t queries, float* values,
                  int64_t stride, const Step& step) {
  inParts<kDotRows>(queries, [&](auto together, int64_t first) {
    const auto seen = [&](int64_t query) { return smaller(run, counts[query] - place); };
    int64_t common = seen(first);
    for (int q = 1; q < together(); q++) common = smaller(common, seen(first + q));
    if (common > 0) weighTile<together()>(weights.from(first, place), tile, common, place == 0, values + first * stride, stride, step);
    const int64_t done = common > 0 ? common : 0;
    for (int64_t q = first; q < first + together(); q++) {
      if (done >= seen(q)) continue;
      weighTile<1>(weights.from(q, place + done), Rows<Format>{tile[done], tile.stride}, seen(q) - done, place + done == 0,
                   values + q * stride, stride, step);
    }
  });
}

// Adds the part of the next tile to what the tiles before it gave, for those of `count` queries that see any of its keys. Maxima and sums
// are readable in whole vectors.
inline void mergeTile(const Parts& total, const Parts& next, const int32_t* counts, int64_t count) {
  const auto weightOf = [](Vec max, Vec common) { return max == splat(kMinusInfinity) ? splat(0.0f) : exponential(max - common); };
  for (int64_t first = 0; first < count; first += kLanes) {
    const Vec a = load(total.max + first), b = load(next.max + first);
    const Vec max = (a > b) | (a != a) ? a : b;
    const Vec aWeight = weightOf(a, max), bWeight = weightOf(b, max);
    const Vec sum = load(total.sum + first) * aWeight + load(next.sum + first) * bWeight;
    float lanes[4][kLanes];
    store(lanes[0], max);
    store(lanes[1], sum);
    store(lanes[2], aWeight);
    store(lanes[3], bWeight);
    for (int64_t lane = 0; lane < smaller(kLanes, count - first); lane++) {
      const int64_t query = first + lane;
      if (counts[query] == 0) continue;
      total.max[query] = lanes[0][lane];
      total.sum[query] = lanes[1][lane];
      const Vec before = splat(lanes[2][lane]), now = splat(lanes[3][lane]);
      float* values = total.values + query * total.stride;
      const float* more = next.values + query * total.stride;
      for (int64_t i = 0; i < total.stride; i += kLanes) store(values + i, multiplyAdd(load(more + i), now, load(values + i) * before));
    }
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
