// What a block of `attendRowsKernel` does. Each warp takes every n-th tile of 32 keys by itself, its tiles of keys and values on their way three at a time;
// the warps' parts are folded when they are through.
//
// A lane has a key each for the logits and columns of its own for the values, so nothing is summed across lanes within a tile but the maximum.
#pragma once

#include "attend-rows-plan.cuh"

namespace whittle::cuda {

template <typename W, int queries, typename Source>
class RowsBlock {
  static constexpr int pack = packSize<W>;
  // Columns of values that a lane has, in packs.
  static constexpr int valuePasses = maximalHeadDim / pack / 32 > 1 ? maximalHeadDim / pack / 32 : 1;
  // Keys whose values a lane reads ahead.
  static constexpr int valuesAhead = queries == 1 ? 8 : 2;

 public:
  __device__ RowsBlock(const Source& source, const AttendShape& shape, const RowsPlan& plan, const Tensor& q, unsigned char* shared)
      : source_(source), shape_(shape), plan_(plan), q_(q), lane_(threadIdx.x % 32), warp_(threadIdx.x / 32) {
    const int part = blockIdx.y % plan.headParts;
    kvHead_ = blockIdx.y / plan.headParts;
    firstHead_ = kvHead_ * shape.group() + part * plan.heads;
    heads_ = min(plan.heads, shape.group() - part * plan.heads);
    queryFloats_ = plan.keyPacks * pack;
    ring_ = shared + warp_ * warpTiles * plan.tileBytes();
    q0_ = reinterpret_cast<float*>(shared + plan.warps * warpTiles * plan.tileBytes());
    weights_ = q0_ + queries * queryFloats_ + warp_ * warpKeys * queries;
    total_ = q0_ + totalPlace(plan);
    totalStats_ = reinterpret_cast<PartStats*>(q0_ + workFloats(shape, plan));
    totalCounts_ = reinterpret_cast<int32_t*>(totalStats_ + queries);
  }

  // Shared memory of a block.
  static size_t bytes(const AttendShape& shape, const RowsPlan& plan) {
    const size_t floats = workFloats(shape, plan) + 3 * queries;
    return static_cast<size_t>(plan.warps) * warpTiles * plan.tileBytes() + floats * sizeof(float);
  }

  // Rows [first, first + rows), which see one list. Gives each element of their parts to store(row, head, column, count, stats, value).
  template <typename Store>
  __device__ void attend(int64_t first, int rows, Store&& store) {
    rows_ = rows;
    first_ = first;
    longest_ = first;
    longestSeen_ = noKeys;
    for (int i = 0; i < rows; i++) {
      const SeenKeys seen = source_.read(first + i, kvHead_ == 0 && blockIdx.y == 0 && blockIdx.z == 0 && threadIdx.x == 0);
      if (seen.count > longestSeen_.count) {
        longestSeen_ = seen;
        longest_ = first + i;
      }
#pragma unroll
      for (int query = 0; query < queries; query++) {
        if (query / heads_ == i) counts_[query] = seen.count;
      }
    }
#pragma unroll
    for (int query = 0; query < queries; query++) {
      if (query >= rows * heads_) counts_[query] = 0;
    }
    const int tiles = (longestSeen_.count + warpKeys - 1) / warpKeys;
    const int together = plan_.fixedTiles > 0 ? plan_.fixedTiles : max(1, (tiles + plan_.splits - 1) / plan_.splits);
    const int parts = (tiles + together - 1) / together;
    // One split goes through all parts, of several each has one.
    const int firstPart = plan_.splits > 1 ? blockIdx.z : 0, endPart = plan_.splits > 1 ? min(parts, firstPart + 1) : parts;
    if (firstPart < endPart) {
      start(firstPart * together, min(tiles, (firstPart + 1) * together));
      loadQueries();
    }
    if (threadIdx.x == 0) {
#pragma unroll
      for (int query = 0; query < queries; query++) {
        totalStats_[query] = {minusInfinity, 0};
        totalCounts_[query] = counts_[query];
      }
    }
    __syncthreads();
    for (int part = firstPart; part < endPart; part++) {
      attendPart(part * together, min(tiles, (part + 1) * together));
      if (part + 1 < endPart) start((part + 1) * together, min(tiles, (part + 2) * together));
    }
    for (int element = threadIdx.x; element < rows * heads_ * shape_.valueDim; element += blockDim.x) {
      const int query = element / shape_.valueDim, column = element % shape_.valueDim;
      store(first + query / heads_, firstHead_ + query % heads_, column, totalCounts_[query], totalStats_[query], total_[element]);
    }
    __syncthreads();
  }

  // The query heads of the block.
  __device__ int32_t firstHead() const { return firstHead_; }
  __device__ int32_t heads() const { return heads_; }

 private:
  // Where the total stands behind the queries: after the weights, in their place where there is but one part.
  static constexpr int totalPlace(const RowsPlan& plan) {
    return plan.fixedTiles > 0 ? queries * (plan.keyPacks * pack + plan.warps * warpKeys) : 0;
  }
  // Floats of the queries, the weights and the total.
  static constexpr int workFloats(const AttendShape& shape, const RowsPlan& plan) {
    const int before = queries * (plan.keyPacks * pack + plan.warps * warpKeys), end = totalPlace(plan) + queries * shape.valueDim;
    return (before > end ? before : end) + queries * shape.valueDim % 2;
  }

  __device__ void loadQueries() const {
    for (int query = 0; query < queries; query++) {
      const bool there = query < rows_ * heads_;
      const int64_t column = int64_t{firstHead_ + query % heads_} * shape_.headDim;
      for (int i = threadIdx.x; i < queryFloats_; i += blockDim.x) {
        q0_[query * queryFloats_ + i] = there && i < shape_.headDim ? loadFloat(q_, first_ + query / heads_, column + i) : 0.0f;
      }
    }
  }

  // The pool's row of the key at this lane's place of a tile, -1: none.
  __device__ int32_t slotAt(int tile) const {
    const int32_t place = tile * warpKeys + lane_;
    if (place >= longestSeen_.count) return -1;
    return source_.slot(longestSeen_.table, source_.keyAt(longest_, longestSeen_, place));
  }

  // Reports the key at this lane's place of a tile if it has no slot. Apart from `slotAt`, which nobody waits for until the slot is used.
  __device__ void reportSlot(int tile, int32_t slot) const {
    const int32_t place = tile * warpKeys + lane_;
    if (slot < 0 && blockIdx.y == 0 && place < longestSeen_.count) raise(place, source_.keyAt(longest_, longestSeen_, place));
  }

  // Names the first row that sees the key; once for the keys of a block that follow each other.
  __device__ void raise(int32_t place, int32_t key) const {
    if (place > 0 && lane_ > 0 && source_.keyAt(longest_, longestSeen_, place - 1) == key - 1 &&
        source_.slot(longestSeen_.table, key - 1) < 0) {
      return;
    }
    int first = -1;
#pragma unroll
    for (int query = 0; query < queries; query++) {
      if (first < 0 && place < counts_[query]) first = query / heads_;
    }
    source_.raiseSlot(first_ + first, longestSeen_.table, key);
  }

  // Starts copying a tile of keys or of values; lanes bring the rows' places in the pool.
  __device__ void load(const Tensor& pool, int dim, int packs, bool packed, int32_t slot, unsigned char* tile) const {
    const int64_t column = int64_t{kvHead_} * dim;
    const int stride = plan_.strideBytes();
    if (packed) {
      int shift = 0;
      while ((1 << shift) < packs && shift < 5) shift++;
      for (int base = 0; base < warpKeys; base += 32 >> shift) {
        const int row = base + (lane_ >> shift);
        const int32_t at = __shfl_sync(0xffffffffu, slot, row);
        const W* source = pool.row<const W>(at < 0 ? 0 : at) + column;
        for (int i = lane_ & ((1 << shift) - 1); i < packs; i += 1 << shift) copyAsync(tile + row * stride + 16 * i, source + i * pack, at >= 0);
      }
    } else {
      for (int row = 0; row < warpKeys; row++) {
        const int32_t at = __shfl_sync(0xffffffffu, slot, row);
        W* target = reinterpret_cast<W*>(tile + row * stride);
        for (int i = lane_; i < packs * pack; i += 32) target[i] = at >= 0 && i < dim ? pool.row<const W>(at)[column + i] : W{};
      }
    }
    endCopies();
  }

  __device__ void loadKeys(int32_t slot, unsigned char* tile) const {
    load(source_.keys, shape_.headDim, plan_.keyPacks, plan_.keysPacked, slot, tile);
  }
  __device__ void loadValues(int32_t slot, unsigned char* tile) const {
    load(source_.values, shape_.valueDim, plan_.valuePacks, plan_.valuesPacked, slot, tile);
  }

  // Starts the copies of this warp's first tile of [from, end): keys, then values.
  __device__ void start(int from, int end) {
    const int first = from + warp_;
    if (first >= end) return;
    const int32_t slot = slotAt(first);
    reportSlot(first, slot);
    loadKeys(slot, ring_);
    loadValues(slot, ring_ + plan_.tileBytes());
    nextSlot_ = first + plan_.warps < end ? slotAt(first + plan_.warps) : -1;
  }

  // The part of the tiles [from, end), which has been started, folded into the total.
  __device__ void attendPart(int from, int end) {
    clear();
    const int step = plan_.warps;
    const int first = from + warp_;
    if (first < end) {
      unsigned char *use = ring_, *next = ring_ + plan_.tileBytes(), *last = ring_ + 2 * plan_.tileBytes();
      for (int tile = first; tile < end; tile += step) {
        const bool more = tile + step < end;
        const int32_t slot = nextSlot_;
        if (more) {
          reportSlot(tile + step, slot);
          loadKeys(slot, last);
          nextSlot_ = tile + 2 * step < end ? slotAt(tile + 2 * step) : -1;
        } else {
          endCopies();
        }
        copiesLeft<2>();
        __syncwarp();
        weighKeys(tile, use);
        __syncwarp();
        if (more) loadValues(slot, use);
        else endCopies();
        copiesLeft<2>();
        __syncwarp();
        addValues(tile, next);
        __syncwarp();
        // Keys of the tile after it are in `last` now, its values in `use`.
        unsigned char* spare = next;
        next = use;
        use = last;
        last = spare;
      }
      copiesLeft<0>();
    }
    foldWarps();
  }

  __device__ void clear() {
#pragma unroll
    for (int query = 0; query < queries; query++) {
      max_[query] = minusInfinity;
      sum_[query] = 0;
#pragma unroll
      for (int i = 0; i < valuePasses * pack; i++) values_[query][i] = 0;
    }
  }

  // The logits of a tile's keys, one a lane, and what follows from them: the weights, new maxima, rescaled sums.
  __device__ void weighKeys(int tile, const unsigned char* keys) {
    // Four sums a query: one would be a chain of as many steps as there are columns.
    float4 dots[queries];
#pragma unroll
    for (int query = 0; query < queries; query++) dots[query] = {0, 0, 0, 0};
    const auto* row = reinterpret_cast<const Pack<W, pack>*>(keys + lane_ * plan_.strideBytes());
#pragma unroll 4
    for (int i = 0; i < plan_.keyPacks; i++) {
      const Pack<W, pack> key = row[i];
#pragma unroll
      for (int query = 0; query < queries; query++) {
        const auto* q = reinterpret_cast<const float4*>(q0_ + query * queryFloats_ + i * pack);
#pragma unroll
        for (int j = 0; j < pack / 4; j++) {
          const float4 four = q[j];
          float4& dot = dots[query];
          dot.x = fmaf(four.x, toFloat(key.item[4 * j]), dot.x);
          dot.y = fmaf(four.y, toFloat(key.item[4 * j + 1]), dot.y);
          dot.z = fmaf(four.z, toFloat(key.item[4 * j + 2]), dot.z);
          dot.w = fmaf(four.w, toFloat(key.item[4 * j + 3]), dot.w);
        }
      }
    }
#pragma unroll
    for (int query = 0; query < queries; query++) {
      const float dot = (dots[query].x + dots[query].y) + (dots[query].z + dots[query].w);
      const float logit = tile * warpKeys + lane_ < counts_[query] ? dot * shape_.scale : minusInfinity;
      float max = logit;
#pragma unroll
      for (int distance = 16; distance > 0; distance /= 2) max = largerOrNaN(max, __shfl_xor_sync(0xffffffffu, max, distance));
      max = largerOrNaN(max_[query], max);
      const float factor = weightOf(max_[query], max), weight = weightOf(logit, max);
      max_[query] = max;
      sum_[query] = sum_[query] * factor + weight;
      weights_[lane_ * queries + query] = weight;
#pragma unroll
      for (int i = 0; i < valuePasses * pack; i++) values_[query][i] *= factor;
    }
    __syncwarp();
  }

  // Lanes that share the columns of a value, each taking a part of the keys.
  __device__ int valueLanes() const {
    int lanes = 1;
    while (lanes < plan_.valuePacks && lanes < 32) lanes *= 2;
    return lanes;
  }

  __device__ void addValues(int tile, const unsigned char* values) {
    int fewest = counts_[0];
#pragma unroll
    for (int query = 1; query < queries; query++) fewest = min(fewest, counts_[query]);
    if ((tile + 1) * warpKeys <= fewest) addSeen<false>(tile, values);
    else addSeen<true>(tile, values);
  }

  // With `checked`, queries may not see all of the tile's keys: what they do not see must not be multiplied, it may be infinite.
  template <bool checked>
  __device__ void addSeen(int tile, const unsigned char* values) {
    const int lanes = valueLanes();
    const int column = lane_ & (lanes - 1);
#pragma unroll (valuesAhead)
    for (int key = lane_ / lanes; key < warpKeys; key += 32 / lanes) {
      const auto* row = reinterpret_cast<const Pack<W, pack>*>(values + key * plan_.strideBytes());
      float weight[queries];
#pragma unroll
      for (int query = 0; query < queries; query++) weight[query] = weights_[key * queries + query];
#pragma unroll
      for (int pass = 0; pass < valuePasses; pass++) {
        if (column + 32 * pass >= plan_.valuePacks) continue;
        const Pack<W, pack> value = row[column + 32 * pass];
#pragma unroll
        for (int query = 0; query < queries; query++) {
          if (checked && tile * warpKeys + key >= counts_[query]) continue;
#pragma unroll
          for (int i = 0; i < pack; i++) {
            float& sum = values_[query][pass * pack + i];
            sum = fmaf(weight[query], toFloat(value.item[i]), sum);
          }
        }
      }
    }
  }

  // Puts the warps' parts side by side where their tiles were, and folds them, first to last, into the total.
  __device__ void foldWarps() {
    const int lanes = valueLanes(), columns = plan_.valuePacks * pack;
    auto* part = reinterpret_cast<float*>(ring_);
#pragma unroll
    for (int query = 0; query < queries; query++) {
      float sum = sum_[query];
#pragma unroll
      for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
      for (int distance = lanes; distance < 32; distance *= 2) {
#pragma unroll
        for (int i = 0; i < valuePasses * pack; i++) values_[query][i] += __shfl_xor_sync(0xffffffffu, values_[query][i], distance);
      }
      if (lane_ == 0) reinterpret_cast<PartStats*>(part)[query] = {max_[query], sum};
      if (lane_ < lanes) {
#pragma unroll
        for (int pass = 0; pass < valuePasses; pass++) {
          if (lane_ + 32 * pass >= plan_.valuePacks) continue;
          for (int i = 0; i < pack; i++) part[2 * queries + query * columns + (lane_ + 32 * pass) * pack + i] = values_[query][pass * pack + i];
        }
      }
    }
    __syncthreads();
    const auto* first = reinterpret_cast<const float*>(ring_ - warp_ * warpTiles * plan_.tileBytes());
    const int apart = warpTiles * plan_.tileBytes() / static_cast<int>(sizeof(float));
    const auto statsOf = [&](int query) {
      PartStats stats{minusInfinity, 0};
      for (int w = 0; w < plan_.warps; w++) stats = foldStats(stats, reinterpret_cast<const PartStats*>(first + w * apart)[query]).stats;
      return stats;
    };
    for (int element = threadIdx.x; element < rows_ * heads_ * shape_.valueDim; element += blockDim.x) {
      const int query = element / shape_.valueDim, column = element % shape_.valueDim;
      PartStats stats{minusInfinity, 0};
      float value = 0;
      for (int w = 0; w < plan_.warps; w++) {
        const float* other = first + w * apart;
        const FoldWeights weights = foldStats(stats, reinterpret_cast<const PartStats*>(other)[query]);
        value = foldValue(value, other[2 * queries + query * columns + column], weights);
        stats = weights.stats;
      }
      total_[element] = foldValue(total_[element], value, foldStats(totalStats_[query], stats));
    }
    __syncthreads();
    for (int query = threadIdx.x; query < rows_ * heads_; query += blockDim.x) {
      totalStats_[query] = foldStats(totalStats_[query], statsOf(query)).stats;
    }
    __syncthreads();
  }

  const Source& source_;
  const AttendShape& shape_;
  const RowsPlan& plan_;
  const Tensor& q_;
  int lane_;
  int warp_;
  int kvHead_;
  int firstHead_;
  int heads_;
  int queryFloats_;
  unsigned char* ring_;
  float* q0_;
  float* weights_;
  float* total_;
  PartStats* totalStats_;
  int32_t* totalCounts_;
  int rows_ = 0;
  int64_t first_ = 0;
  int64_t longest_ = 0;
  SeenKeys longestSeen_ = noKeys;
  // Of this lane's key of the tile after those that are on their way.
  int32_t nextSlot_ = -1;
  int32_t counts_[queries];
  float max_[queries];
  float sum_[queries];
  float values_[queries][valuePasses * pack];
};

}  // namespace whittle::cuda
