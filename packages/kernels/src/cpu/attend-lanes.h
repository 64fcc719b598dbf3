// Softmax attention of many queries over one tile of keys: each lane of a vector is a query of its own, so that no lanes are ever summed.
//
// The bits are those of attend-tile.h, where the lanes are dimensions or keys: what a lane adds up there is added up here by a vector of
// queries, and these vectors meet in the order in which sumLanes adds lanes.
#pragma once

#include "attend-tile.h"
#include "lane-order.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Numbers of several queries side by side: for each key or dimension those of all queries, `stride` (whole vectors) apart.
struct ByLane {
  float* data;
  int64_t stride;

  float* at(int64_t query, int64_t index) const { return data + index * stride + query; }
  ByLane from(int64_t query, int64_t index) const { return {at(query, index), stride}; }
};

// Puts the first `depth` numbers of rowAt(0), rowAt(1), ... side by side.
template <typename RowAt>
inline void putSideBySide(const RowAt& rowAt, int64_t count, int64_t depth, ByLane lanes) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const float* rows[4] = {rowAt(i), rowAt(i + 1), rowAt(i + 2), rowAt(i + 3)};
    int64_t d = 0;
    for (; d + 4 <= depth; d += 4) {
      Vec4 row[4];
      for (int k = 0; k < 4; k++) std::memcpy(&row[k], rows[k] + d, sizeof row[k]);
      const Vec4 ab = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5), cd = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
      const Vec4 ef = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7), gh = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
      const Vec4 columns[4] = {__builtin_shufflevector(ab, cd, 0, 1, 4, 5), __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
                               __builtin_shufflevector(ef, gh, 0, 1, 4, 5), __builtin_shufflevector(ef, gh, 2, 3, 6, 7)};
      for (int k = 0; k < 4; k++) std::memcpy(lanes.at(i, d + k), &columns[k], sizeof columns[k]);
    }
    for (; d < depth; d++) {
      for (int k = 0; k < 4; k++) *lanes.at(i + k, d) = rows[k][d];
    }
  }
  for (; i < count; i++) {
    const float* row = rowAt(i);
    for (int64_t d = 0; d < depth; d++) *lanes.at(i, d) = row[d];
  }
}

// Keys and vectors of queries whose products are formed together.
#ifdef WHITTLE_AVX512
constexpr int kKeysTogether = 4;
#else
constexpr int kKeysTogether = 3;
#endif
constexpr int kVecsTogether = 2;

// logits[key] = scale · (keys[key] · queries) for K keys and V vectors of queries. `depth` is a multiple of kLanes.
template <int K, int V>
inline void dotLanes(const float* queries, Rows<F32> keys, int64_t depth, float scale, ByLane logits) {
  Vec sums[K * V];
  sumInLaneOrder<K * V>(
      sums, [&](int64_t lane, Vec * parts) __attribute__((always_inline)) {
        WHITTLE_UNROLL
        for (int i = 0; i < K * V; i++) parts[i] = splat(0.0f);
        for (int64_t d = lane; d < depth; d += kLanes) {
          Vec query[V];
          WHITTLE_UNROLL
          for (int v = 0; v < V; v++) query[v] = load(queries + (d * V + v) * kLanes);
          WHITTLE_UNROLL
          for (int k = 0; k < K; k++) {
            const Vec key = splat(keys[k][d]);
            WHITTLE_UNROLL
            for (int v = 0; v < V; v++) parts[k * V + v] = multiplyAdd(key, query[v], parts[k * V + v]);
          }
        }
      });
  WHITTLE_UNROLL
  for (int k = 0; k < K; k++) {
    WHITTLE_UNROLL
    for (int v = 0; v < V; v++) store(logits.at(v * kLanes, k), sums[k * V + v] * splat(scale));
  }
}

// What softmaxTile does, for a vector of queries of which each sees the first counts[lane] keys: the most is `most`, the least `least`.
inline void softmaxLanes(ByLane logits, const int32_t* counts, int64_t least, int64_t most, float* max, float* sum) {
  VecInt seen;
  std::memcpy(&seen, counts, sizeof seen);
  Vec largest = splat(kMinusInfinity);
  VecInt nan = {};
  for (int64_t key = 0; key < most; key++) {
    Vec s = load(logits.at(0, key));
    if (key >= least) {
      s = seen > static_cast<int32_t>(key) ? s : splat(kMinusInfinity);
      store(logits.at(0, key), s);
    }
    nan |= s != s;
    largest = larger(s, largest);
  }
  largest = nan != 0 ? splat(__builtin_nanf("")) : largest;
  store(max, largest);
  const Vec shift = largest == splat(kMinusInfinity) ? splat(0.0f) : largest;
  Vec total;
  sumInLaneOrder<1>(
      &total, [&](int64_t lane, Vec * part) __attribute__((always_inline)) {
        *part = splat(0.0f);
        for (int64_t key = lane; key < most; key += kLanes) {
          const Vec weight = exponential(load(logits.at(0, key)) - shift);
          store(logits.at(0, key), weight);
          *part += weight;
        }
      });
  store(sum, total);
}

// Calls body(integral constant, first) for chunks of `count` queries: how many vectors of them go through a tile together, and from which
// query on. The queries of a chunk stand together.
template <typename Body>
inline void inChunks(int64_t count, Body&& body) {
  inParts<kVecsTogether>((count + kLanes - 1) / kLanes, [&](auto vecs, int64_t vec) { body(vecs, vec * kLanes); });
}

// Queries in chunks, with zeros behind the last one and behind their numbers: `padded` (whole vectors) instead of `depth`.
template <typename RowAt>
inline void takeInLanes(const RowAt& rowAt, int64_t count, int64_t depth, int64_t padded, float* queries) {
  std::memset(queries, 0, static_cast<size_t>(roundUp(count, kLanes) * padded) * sizeof(float));
  inChunks(count, [&](auto vecs, int64_t first) {
    putSideBySide([&](int64_t i) { return rowAt(first + i); }, smaller(vecs() * kLanes, count - first), depth,
                  {queries + first * padded, vecs() * kLanes});
  });
}

// Parts of a tile for `count` queries (readable in whole vectors) of which each sees the first counts[query] keys: so many at a time that
// what passes between the steps stays in the first-level cache.
inline void attendInLanes(const float* queries, Rows<F32> keys, int64_t depth, Rows<F32> values, float scale, const int32_t* counts,
                          int64_t count, const Parts& parts) {
  alignas(64) float memory[kTile * kVecsTogether * kLanes];
  const auto least = [&](int64_t from, int64_t to) {
    int64_t least = counts[from];
    for (int64_t i = from + 1; i < to; i++) least = smaller(least, counts[i]);
    return least;
  };
  const auto most = [&](int64_t from, int64_t to) {
    int64_t most = counts[from];
    for (int64_t i = from + 1; i < to; i++) most = counts[i] > most ? counts[i] : most;
    return most;
  };
  inChunks(count, [&](auto vecs, int64_t first) {
    constexpr int64_t lanes = vecs() * kLanes;
    const int64_t end = first + lanes;
    const ByLane logits{memory, lanes};
    inParts<kKeysTogether>(most(first, end), [&](auto together, int64_t key) {
      dotLanes<together(), vecs()>(queries + first * depth, {keys[key], keys.stride}, depth, scale, logits.from(0, key));
    });
    for (int64_t at = first; at < end; at += kLanes) {
      softmaxLanes(logits.from(at - first, 0), counts + at, least(at, at + kLanes), most(at, at + kLanes), parts.max + at, parts.sum + at);
    }
    weigh(logits, values, 0, kTile, counts + first, smaller(lanes, count - first), parts.values + first * parts.stride, parts.stride,
          [](int64_t) {});
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
