// What a warp of `attendDecodeKernel` does: goes over tiles of 16 keys of one row's list, for up to eight query heads at once, on the tensor cores. Keys and values
// come from memory straight into the registers that the products take them from, a tile ahead; only queries stand in shared memory.
//
// Products are transposed: keys · queries and values · weights, so that the eight columns of a product are the queries and nothing is padded. Which element of a head
// stands where along the depth of a product is free as long as both factors agree, and so is the order of the rows of the second product: both are chosen such that a
// lane has 16 neighbouring bytes. Lanes are called by their `group` (of 8) and their `quarter` of it, as the fragments are laid out in them.
#pragma once

#include "attend-part.cuh"
#include "attend-tile-memory.cuh"

namespace whittle::cuda {

constexpr int decodeKeys = 16;
constexpr int decodeQueries = 8;

template <typename T, int dim, typename Source>
class DecodeWarp {
  using Words = HalfWords<T>;
  // 16-byte packs of a key that a lane has, 32 elements of the head apart; of a value, 64 apart.
  static constexpr int keyPacks = dim / 32, valuePacks = dim / 64;

 public:
  // Lane l's pack i is `queries[32 · i + l]`: of head l / 4, elements 32 · i + 8 · (l % 4) and on.
  static constexpr int queryPacks = 32 * keyPacks;

  __device__ DecodeWarp(const Source& source, int64_t row, int32_t kvHead, bool reports, const uint4* queries, float scale)
      : source_(source), row_(row), column_(int64_t{kvHead} * dim), reports_(reports), queries_(queries), scale_(scale) {}

  // Finds out what the row sees.
  __device__ void find() { seen_ = source_.read(row_, false); }

  // Keys that it sees.
  __device__ int32_t count() const { return seen_.count; }

  // Reports what is wrong with the row, if anything is.
  __device__ void reportRow() const {
    if (reports_ && lane() == 0 && seen_.table < 0) source_.read(row_, true);
  }

  // Finds the first of the tiles from, from + step, … below `end`, and has it come nearer: what it holds may still be written.
  __device__ void aim(int from, int end, int step) {
    tile_ = from, end_ = end, step_ = step;
    if (tile_ >= end_) return;
    nextSlot_ = slotAt(tile_);
    prefetch(nextSlot_);
  }

  // Asks for it.
  __device__ void start() {
    if (tile_ >= end_) return;
    const int32_t slot = nextSlot_;
    loadKeys(slot);
    loadValues(slot);
    report(tile_, slot);
    nextSlot_ = slotAt(tile_ + step_);
  }

  // All of them; the queries are there.
  __device__ void attend() {
    for (; tile_ < end_; tile_ += step_) {
      float products[4];
      multiplyKeys(products);
      const bool more = tile_ + step_ < end_;
      const int32_t slot = nextSlot_;
      if (more) loadKeys(slot);
      uint32_t weights[2];
      weigh(products, weights);
      addValues(weights);
      if (!more) continue;
      loadValues(slot);
      report(tile_ + step_, slot);
      nextSlot_ = slotAt(tile_ + 2 * step_);
    }
  }

  // Gives what came out for each query below `count`: its statistics to stats(query, stats), by one lane, and its columns, eight neighbouring ones at a
  // time, to values(query, column, eight).
  template <typename Stats, typename Values>
  __device__ void give(int count, Stats&& stats, Values&& values) const {
#pragma unroll
    for (int j = 0; j < 2; j++) {
      float sum = sum_[j];
#pragma unroll
      for (int distance = 4; distance < 32; distance *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
      const int query = 2 * quarter() + j;
      if (query >= count) continue;
      if (group() == 0) stats(query, PartStats{max_[j], sum});
#pragma unroll
      for (int pack = 0; pack < valuePacks; pack++) {
        float eight[8];
#pragma unroll
        for (int i = 0; i < 8; i++) eight[i] = values_[4 * pack + i / 2][i % 2 * 2 + j];
        values(query, 64 * pack + 8 * group(), eight);
      }
    }
  }

 private:
  __device__ static int lane() { return threadIdx.x % 32; }
  __device__ static int group() { return lane() / 4; }
  __device__ static int quarter() { return lane() % 4; }

  // The pool's row of the key at place lane % 16 of a tile, -1: none.
  __device__ int32_t slotAt(int tile) const {
    const int32_t place = tile * decodeKeys + lane() % decodeKeys;
    return place < seen_.count ? source_.slot(seen_.table, source_.keyAt(row_, seen_, place)) : -1;
  }

  // Reports a key that has no slot, once for the keys that follow each other.
  __device__ void report(int tile, int32_t slot) const {
    const int32_t place = tile * decodeKeys + lane();
    if (slot >= 0 || !reports_ || lane() >= decodeKeys || place >= seen_.count) return;
    const int32_t key = source_.keyAt(row_, seen_, place);
    if (lane() > 0 && source_.keyAt(row_, seen_, place - 1) == key - 1 && source_.slot(seen_.table, key - 1) < 0) return;
    source_.raiseSlot(row_, seen_.table, key);
  }

  // Lane l < 16 asks for key l, the others for its value.
  __device__ void prefetch(int32_t slot) const {
    if (slot < 0) return;
    const Tensor& pool = lane() < decodeKeys ? source_.keys : source_.values;
    const T* const row = pool.template row<const T>(slot) + column_;
#pragma unroll
    for (int line = 0; line < dim / 64; line++) prefetchL2(row + 64 * line);
  }

  // What is not there is 0: a weight of 0 times whatever stands in memory may be NaN.
  __device__ static uint4 load(const T* from, bool present) {
    return present ? __ldcg(reinterpret_cast<const uint4*>(from)) : make_uint4(0, 0, 0, 0);
  }

  // This lane's parts of keys `group` and `group` + 8.
  __device__ void loadKeys(int32_t slot) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int32_t at = __shfl_sync(0xffffffffu, slot, group() + 8 * half);
      const T* const from = source_.keys.template row<const T>(at) + column_ + 8 * quarter();
#pragma unroll
      for (int i = 0; i < keyPacks; i++) keys_[half][i] = load(from + 32 * i, at >= 0);
    }
  }

  // This lane's parts of the values of keys 2 · quarter, the next, and the two that lie 8 further on.
  __device__ void loadValues(int32_t slot) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int32_t at = __shfl_sync(0xffffffffu, slot, 2 * quarter() + i % 2 + i / 2 * 8);
      const T* const from = source_.values.template row<const T>(at) + column_ + 8 * group();
#pragma unroll
      for (int pack = 0; pack < valuePacks; pack++) packs_[i][pack] = load(from + 64 * pack, at >= 0);
    }
  }

  // Rows `group` and `group` + 8 of the products are keys of the tile, columns 2 · quarter and the next are queries.
  __device__ void multiplyKeys(float (&products)[4]) const {
    float even[4] = {}, odd[4] = {};
#pragma unroll
    for (int i = 0; i < keyPacks; i++) {
      const uint4 query = queries_[32 * i + lane()], low = keys_[0][i], high = keys_[1][i];
      Words::multiply(even, {low.x, high.x, low.y, high.y}, {query.x, query.y});
      Words::multiply(odd, {low.z, high.z, low.w, high.w}, {query.z, query.w});
    }
#pragma unroll
    for (int i = 0; i < 4; i++) products[i] = even[i] + odd[i];
  }

  // Products become weights relative to the new maxima, as the second factor of the product with the values; what was summed so far is rescaled.
  __device__ void weigh(float (&products)[4], uint32_t (&weights)[2]) {
    bool raised = false;
    float rescale[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const bool there = tile_ * decodeKeys + 8 * half + group() < seen_.count;
#pragma unroll
      for (int j = 0; j < 2; j++) products[2 * half + j] = there ? products[2 * half + j] * scale_ : minusInfinity;
    }
#pragma unroll
    for (int j = 0; j < 2; j++) {
      float max = largerOrNaN(products[j], products[2 + j]);
#pragma unroll
      for (int distance = 4; distance < 32; distance *= 2) max = largerOrNaN(max, __shfl_xor_sync(0xffffffffu, max, distance));
      max = largerOrNaN(max_[j], max);
      // NaN differs from itself.
      raised = raised || max != max_[j];
      rescale[j] = weightOf(max_[j], max);
      max_[j] = max;
      products[j] = weightOf(products[j], max);
      products[2 + j] = weightOf(products[2 + j], max);
      sum_[j] = fmaf(sum_[j], rescale[j], products[j] + products[2 + j]);
    }
#pragma unroll
    for (int half = 0; half < 2; half++) weights[half] = transposeMatrix(Words::pack(products[2 * half], products[2 * half + 1]));
    if (!__any_sync(0xffffffffu, raised)) return;
#pragma unroll
    for (int n = 0; n < dim / 16; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) values_[n][i] *= rescale[i % 2];
    }
  }

  // Row `group` of product 4 · pack + i is element 64 · pack + 8 · group + 2 · i of the values, row `group` + 8 the one after it.
  __device__ void addValues(const uint32_t (&weights)[2]) {
    const auto word = [](const uint4& pack, int i) { return i == 0 ? pack.x : i == 1 ? pack.y : i == 2 ? pack.z : pack.w; };
#pragma unroll
    for (int pack = 0; pack < valuePacks; pack++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        uint32_t a[4];
#pragma unroll
        for (int half = 0; half < 2; half++) {
          const uint32_t first = word(packs_[2 * half][pack], i), second = word(packs_[2 * half + 1][pack], i);
          a[2 * half] = __byte_perm(first, second, 0x5410);
          a[2 * half + 1] = __byte_perm(first, second, 0x7632);
        }
        Words::multiply(values_[4 * pack + i], a, weights);
      }
    }
  }

  const Source& source_;
  const int64_t row_;
  const int64_t column_;
  const bool reports_;
  const uint4* const queries_;
  const float scale_;
  SeenKeys seen_ = noKeys;
  int tile_ = 0;
  int end_ = 0;
  int step_ = 1;
  int32_t nextSlot_ = -1;
  uint4 keys_[2][keyPacks];
  uint4 packs_[4][valuePacks];
  // Of queries 2 · quarter and the next; sums of this lane's keys.
  float max_[2] = {minusInfinity, minusInfinity};
  float sum_[2] = {};
  float values_[dim / 16][4] = {};
};

}  // namespace whittle::cuda
