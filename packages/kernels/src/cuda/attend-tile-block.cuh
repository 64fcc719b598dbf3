// What a block of `attendTilesKernel` does: goes over the keys in tiles of 64, its rows' sums in registers, the next tile of keys and values on its way
// while one is in use. Source: Dao 2023 (FlashAttention-2).
#pragma once

#include "attend-part.cuh"
#include "attend-tile-memory.cuh"

namespace whittle::cuda {

template <typename T, int dim, int atoms, typename Source>
class TileBlock {
  using Memory = TileMemory<T, dim, atoms>;
  using Words = HalfWords<T>;
  static constexpr int stride = Memory::stride, rows = Memory::rows, warpRows = 16 * atoms;
  static constexpr int keyTiles = tileKeys / 8, columnTiles = dim / 8;
  static constexpr int rowPacks = dim / packSize<T>;

 public:
  __device__ TileBlock(const Source& source, const AttendShape& shape, Memory& memory, int64_t first, int64_t allRows, int32_t head)
      : source_(source),
        shape_(shape),
        memory_(memory),
        first_(first),
        rowCount_(static_cast<int>(min(int64_t{rows}, allRows - first))),
        head_(head) {}

  __device__ void attend(const Tensor& q, const Tensor& out, const Tensor& stats) {
    for (int i = threadIdx.x; i < rows; i += blockDim.x) memory_.seen[i] = i < rowCount_ ? source_.read(first_ + i, head_ == 0) : noKeys;
    loadQueries(q);
    clear();
    __syncthreads();
    // Rows of one table follow each other, but for padding.
    for (int from = 0; from < rowCount_;) {
      const int32_t table = memory_.seen[from].table;
      int end = from + 1;
      while (end < rowCount_ && (memory_.seen[end].table == table || memory_.seen[end].table < 0)) end++;
      if (table >= 0) attendRun(from, end, table);
      from = end;
    }
    finish(out, stats);
  }

 private:
  __device__ static int lane() { return threadIdx.x % 32; }
  __device__ static int warp() { return threadIdx.x / 32; }

  // With the scale's sign, so that the largest product belongs to the largest logit.
  __device__ void loadQueries(const Tensor& q) {
    const uint32_t sign = shape_.scale < 0 ? 0x80008000u : 0;
    for (int i = threadIdx.x; i < rows * rowPacks; i += blockDim.x) {
      const int row = i / rowPacks, pack = i % rowPacks;
      uint4 words = make_uint4(0, 0, 0, 0);
      if (row < rowCount_) words = *reinterpret_cast<const uint4*>(q.row<const T>(first_ + row) + head_ * dim + pack * packSize<T>);
      words = make_uint4(words.x ^ sign, words.y ^ sign, words.z ^ sign, words.w ^ sign);
      *reinterpret_cast<uint4*>(memory_.queries + row * stride + pack * packSize<T>) = words;
    }
  }

  __device__ void clear() {
#pragma unroll
    for (int atom = 0; atom < atoms; atom++) {
#pragma unroll
      for (int half = 0; half < 2; half++) max_[atom][half] = minusInfinity, sum_[atom][half] = 0;
#pragma unroll
      for (int n = 0; n < columnTiles; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) values_[atom][n][i] = 0;
      }
    }
  }

  // Over rows [from, from + count) of the tile, of which those in the run count.
  __device__ TileReach reachOf(int from, int count, int runFrom, int runEnd) const {
    constexpr int32_t most = 0x7fffffff;
    TileReach reach{most, 0, 0, most};
    for (int i = from + lane(); i < from + count; i += 32) {
      const SeenKeys& seen = memory_.seen[i];
      // What comes out for a row that sees nothing does not matter.
      if (seen.count == 0) continue;
      const bool inRun = i >= runFrom && i < runEnd;
      reach.first = min(reach.first, inRun ? seen.from : most);
      reach.reach = max(reach.reach, inRun ? seen.reach : 0);
      reach.allFrom = max(reach.allFrom, inRun ? seen.from : most);
      reach.allEnd = min(reach.allEnd, inRun ? seen.end : 0);
    }
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2) {
      reach.first = min(reach.first, __shfl_xor_sync(0xffffffffu, reach.first, distance));
      reach.reach = max(reach.reach, __shfl_xor_sync(0xffffffffu, reach.reach, distance));
      reach.allFrom = max(reach.allFrom, __shfl_xor_sync(0xffffffffu, reach.allFrom, distance));
      reach.allEnd = min(reach.allEnd, __shfl_xor_sync(0xffffffffu, reach.allEnd, distance));
    }
    return reach;
  }

  __device__ void attendRun(int runFrom, int runEnd, int32_t table) {
    const TileReach all = reachOf(0, rows, runFrom, runEnd), own = reachOf(warp() * warpRows, warpRows, runFrom, runEnd);
    // Registers are short.
    if (lane() == 0) memory_.reach[warp()] = own;
    if (all.reach == 0) return;
    const int from = all.first / tileKeys, end = (all.reach + tileKeys - 1) / tileKeys;
    const auto prepare = [&](int tile) {
      return threadIdx.x < tileKeys && tile < end ? slotOf(table, tile * tileKeys + static_cast<int>(threadIdx.x), all, runFrom, runEnd) : -1;
    };
    if (threadIdx.x < tileKeys) memory_.slots[from % 2][threadIdx.x] = prepare(from);
    __syncthreads();
    load(from);
    const int32_t second = prepare(from + 1);
    if (threadIdx.x < tileKeys) memory_.slots[(from + 1) % 2][threadIdx.x] = second;
    for (int tile = from; tile < end; tile++) {
      copiesLeft<0>();
      // This tile is there, the one before it is no longer in use.
      __syncthreads();
      if (tile + 1 < end) load(tile + 1);
      const int32_t slot = prepare(tile + 2);
      const int32_t first = tile * tileKeys;
      const TileReach& reach = memory_.reach[warp()];
      if (first < reach.reach && first + tileKeys > reach.first) {
        attendTile(tile, first < reach.allFrom || first + tileKeys > reach.allEnd, runFrom, runEnd);
      }
      if (threadIdx.x < tileKeys) memory_.slots[tile % 2][threadIdx.x] = slot;
    }
    __syncthreads();
  }

  __device__ int32_t slotOf(int32_t table, int32_t key, const TileReach& all, int runFrom, int runEnd) const {
    if (key < all.first || key >= all.reach) return -1;
    const int32_t slot = source_.slot(table, key);
    if (slot < 0 && head_ == 0) raise(table, key, runFrom, runEnd);
    return slot;
  }

  // Names the first row that sees the key; once for the keys of a block that follow each other.
  __device__ void raise(int32_t table, int32_t key, int runFrom, int runEnd) const {
    const auto sees = [&](int i, int32_t which) { return source_.seenMask(first_ + i, memory_.seen[i], which) & 1; };
    for (int i = runFrom; i < runEnd; i++) {
      if (memory_.seen[i].count == 0 || !sees(i, key)) continue;
      if (key % tileKeys == 0 || !sees(i, key - 1) || source_.slot(table, key - 1) >= 0) source_.raiseSlot(first_ + i, table, key);
      return;
    }
  }

  __device__ void load(int tile) {
    const int stage = tile % 2;
    const int64_t column = int64_t{head_ / shape_.group()} * dim;
    constexpr int rowsAtOnce = 32 * tileWarps / rowPacks;
    const int pack = static_cast<int>(threadIdx.x) % rowPacks * packSize<T>;
#pragma unroll
    for (int base = 0; base < tileKeys; base += rowsAtOnce) {
      const int row = base + static_cast<int>(threadIdx.x) / rowPacks;
      const int32_t slot = memory_.slots[stage][row];
      const int64_t at = slot < 0 ? 0 : slot;
      copyAsync(memory_.keys[stage] + row * stride + pack, source_.keys.template row<const T>(at) + column + pack, slot >= 0);
      copyAsync(memory_.values[stage] + row * stride + pack, source_.values.template row<const T>(at) + column + pack, slot >= 0);
    }
    endCopies();
  }

  using Products = float[atoms][keyTiles][4];

  // Queries by keys. Matrix i of a load: rows 8·(i % 2) …, depth 8·(i / 2) … of the queries; keys 8·(i / 2) …, depth 8·(i % 2) … of the keys.
  __device__ void multiplyKeys(int tile, Products& products) const {
#pragma unroll
    for (int atom = 0; atom < atoms; atom++) {
#pragma unroll
      for (int n = 0; n < keyTiles; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) products[atom][n][i] = 0;
      }
    }
    const int matrix = lane() / 8, line = lane() % 8;
    const T* queries = memory_.queries + (warp() * warpRows + matrix % 2 * 8 + line) * stride + matrix / 2 * 8;
    const T* keys = memory_.keys[tile % 2] + (matrix / 2 * 8 + line) * stride + matrix % 2 * 8;
#pragma unroll
    for (int k = 0; k < dim; k += 16) {
      uint32_t a[atoms][4];
#pragma unroll
      for (int atom = 0; atom < atoms; atom++) loadMatrices(a[atom], queries + 16 * atom * stride + k);
#pragma unroll
      for (int n = 0; n < keyTiles; n += 2) {
        uint32_t four[4];
        loadMatrices(four, keys + 8 * n * stride + k);
        const uint32_t b[2][2] = {{four[0], four[1]}, {four[2], four[3]}};
#pragma unroll
        for (int atom = 0; atom < atoms; atom++) {
          Words::multiply(products[atom][n], a[atom], b[0]);
          Words::multiply(products[atom][n + 1], a[atom], b[1]);
        }
      }
    }
  }

  template <typename Visit>
  static __device__ void eachOfRow(float (&products)[keyTiles][4], int half, Visit&& visit) {
#pragma unroll
    for (int n = 0; n < keyTiles; n++) {
      visit(products[n][2 * half]);
      visit(products[n][2 * half + 1]);
    }
  }

  // Products become weights, relative to the new maxima; the sums so far are rescaled.
  __device__ void weigh(Products& products) {
    // exp(scale · x) = 2^(factor · x).
    const float factor = fabsf(shape_.scale) * 1.4426950408889634f;
    bool raised = false;
    float rescale[atoms][2];
#pragma unroll
    for (int atom = 0; atom < atoms; atom++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float max = max_[atom][half];
#pragma unroll
        for (int n = 0; n < keyTiles; n++) max = largerOrNaN(max, largerOrNaN(products[atom][n][2 * half], products[atom][n][2 * half + 1]));
        max = largerOrNaN(max, __shfl_xor_sync(0xffffffffu, max, 1));
        max = largerOrNaN(max, __shfl_xor_sync(0xffffffffu, max, 2));
        const float before = max_[atom][half];
        const float shift = max == minusInfinity ? 0.0f : max * factor;
        // Of a large shift the rounding alone may be a power of two that overflows; of a small one it is the same for all and falls out.
        const bool far = fabsf(shift) > 65536.0f;
        const float down = far ? (before - max) * factor : fmaf(before, factor, -shift);
        rescale[atom][half] = before == minusInfinity ? 0.0f : exp2Approximate(down);
        // NaN differs from itself.
        raised = raised || max != before;
        max_[atom][half] = max;
        float sum = 0;
        if (far) {
          eachOfRow(products[atom], half, [&](float& x) { x = (x - max) * factor; });
        } else {
          eachOfRow(products[atom], half, [&](float& x) { x = fmaf(x, factor, -shift); });
        }
        eachOfRow(products[atom], half, [&](float& x) { sum += x = exp2Approximate(x); });
        sum_[atom][half] = fmaf(sum_[atom][half], before == max ? 1.0f : rescale[atom][half], sum);
      }
    }
    if (!__any_sync(0xffffffffu, raised)) return;
#pragma unroll
    for (int atom = 0; atom < atoms; atom++) {
#pragma unroll
      for (int n = 0; n < columnTiles; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) values_[atom][n][i] *= rescale[atom][i / 2];
      }
    }
  }

  // Adds weights by values. Matrix i of a load: keys 8·(i % 2) …, columns 8·(i / 2) …. With `sanitized`, infinite values and NaN count as 0.
  template <bool sanitized>
  __device__ void addValues(int tile, const Products& weights) {
    const int matrix = lane() / 8, line = lane() % 8;
    const T* values = memory_.values[tile % 2] + (matrix % 2 * 8 + line) * stride + matrix / 2 * 8;
#pragma unroll
    for (int k = 0; k < tileKeys; k += 16) {
      uint32_t a[atoms][4];
#pragma unroll
      for (int atom = 0; atom < atoms; atom++) {
        const float(&low)[4] = weights[atom][k / 8];
        const float(&high)[4] = weights[atom][k / 8 + 1];
        a[atom][0] = Words::pack(low[0], low[1]);
        a[atom][1] = Words::pack(low[2], low[3]);
        a[atom][2] = Words::pack(high[0], high[1]);
        a[atom][3] = Words::pack(high[2], high[3]);
      }
#pragma unroll
      for (int n = 0; n < columnTiles; n += 2) {
        uint32_t four[4];
        loadMatricesTransposed(four, values + k * stride + 8 * n);
        if constexpr (sanitized) {
#pragma unroll
          for (int i = 0; i < 4; i++) four[i] &= ~notFinite<T>(four[i]);
        }
        const uint32_t b[2][2] = {{four[0], four[1]}, {four[2], four[3]}};
#pragma unroll
        for (int atom = 0; atom < atoms; atom++) {
          Words::multiply(values_[atom][n], a[atom], b[0]);
          Words::multiply(values_[atom][n + 1], a[atom], b[1]);
        }
      }
    }
  }

  // A row of the tile whose products and sums this lane has.
  __device__ int rowOf(int atom, int half) const { return warp() * warpRows + 16 * atom + 8 * half + lane() / 4; }

  // Which of the keys from `first` on a row sees in this run.
  __device__ uint64_t seenBy(int row, int32_t first, int runFrom, int runEnd) const {
    if (row < runFrom || row >= runEnd || memory_.seen[row].count == 0) return 0;
    return source_.seenMask(first_ + row, memory_.seen[row], first);
  }

  // With `masked`, some rows do not see all of the tile's keys.
  __device__ void attendTile(int tile, bool masked, int runFrom, int runEnd) {
    Products products;
    multiplyKeys(tile, products);
    if (masked) hideUnseen(tile * tileKeys, runFrom, runEnd, products);
    weigh(products);
    if (!masked || finiteValues(tile)) {
      addValues<false>(tile, products);
    } else {
      addValues<true>(tile, products);
      addNotFinite(tile, runFrom, runEnd);
    }
  }

  __device__ void hideUnseen(int32_t first, int runFrom, int runEnd, Products& products) const {
    // For each row of this lane 16 bits: its columns 8n + 2·(lane % 4) and the next.
    uint64_t seen = 0;
#pragma unroll 1
    for (int i = 0; i < 2 * atoms; i++) {
      uint64_t bits = seenBy(rowOf(i / 2, i % 2), first, runFrom, runEnd) >> (2 * (lane() % 4)) & 0x0303030303030303;
      bits = (bits | bits >> 6) & 0x000f000f000f000f;
      bits = (bits | bits >> 12) & 0x000000ff000000ff;
      bits = (bits | bits >> 24) & 0xffff;
      seen |= bits << (16 * i);
    }
#pragma unroll
    for (int atom = 0; atom < atoms; atom++) {
#pragma unroll
      for (int n = 0; n < keyTiles; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
          if (!(seen >> (16 * (2 * atom + i / 2) + 2 * n + i % 2) & 1)) products[atom][n][i] = minusInfinity;
        }
      }
    }
  }

  __device__ bool finiteValues(int tile) const {
    bool finite = true;
    for (int i = lane(); i < tileKeys * rowPacks; i += 32) {
      const uint4 words = *reinterpret_cast<const uint4*>(memory_.values[tile % 2] + i / rowPacks * stride + i % rowPacks * packSize<T>);
      finite = finite && (notFinite<T>(words.x) | notFinite<T>(words.y) | notFinite<T>(words.z) | notFinite<T>(words.w)) == 0;
    }
    return __all_sync(0xffffffffu, finite);
  }

  // An infinite value or NaN makes the sums so of the rows that see it, and of no other: a weight of 0 on the tensor cores would.
  __device__ void addNotFinite(int tile, int runFrom, int runEnd) {
#pragma unroll 1
    for (int key = 0; key < tileKeys; key++) {
      // A bit for each row of this lane.
      unsigned seen = 0;
#pragma unroll 1
      for (int i = 0; i < 2 * atoms; i++) {
        seen |= static_cast<unsigned>(seenBy(rowOf(i / 2, i % 2), tile * tileKeys + key, runFrom, runEnd) & 1) << i;
      }
      const T* row = memory_.values[tile % 2] + key * stride + 2 * (lane() % 4);
#pragma unroll
      for (int n = 0; n < columnTiles; n++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          const T value = row[8 * n + i];
          if ((value.bits & Words::exponent) != Words::exponent) continue;
#pragma unroll
          for (int atom = 0; atom < atoms; atom++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
              if (seen >> (2 * atom + half) & 1) values_[atom][n][2 * half + i] += toFloat(value);
            }
          }
        }
      }
    }
  }

  __device__ void finish(const Tensor& out, const Tensor& stats) {
#pragma unroll
    for (int atom = 0; atom < atoms; atom++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float sum = sum_[atom][half];
        sum += __shfl_xor_sync(0xffffffffu, sum, 1);
        sum += __shfl_xor_sync(0xffffffffu, sum, 2);
        const int row = rowOf(atom, half);
        if (row >= rowCount_) continue;
        const int32_t count = memory_.seen[row].count;
        const PartStats total{count == 0 ? minusInfinity : max_[atom][half] * fabsf(shape_.scale), count == 0 ? 0 : sum};
        const float divisor = normaliser(total, count);
        T* target = out.row<T>(first_ + row) + head_ * dim + 2 * (lane() % 4);
#pragma unroll
        for (int n = 0; n < columnTiles; n++) {
          const float low = values_[atom][n][2 * half] / divisor, high = values_[atom][n][2 * half + 1] / divisor;
          *reinterpret_cast<uint32_t*>(target + 8 * n) = count == 0 ? 0 : Words::pack(low, high);
        }
        if (stats.present() && lane() % 4 == 0) {
          float* pair = stats.row<float>(first_ + row) + 2 * head_;
          pair[0] = total.max;
          pair[1] = divisor;
        }
      }
    }
  }

  const Source& source_;
  const AttendShape& shape_;
  Memory& memory_;
  int64_t first_;
  int rowCount_;
  int32_t head_;
  // Of the rows 8·half + lane / 4 of the warp's 16-row atoms, in its own scale; sums of this lane's columns.
  float max_[atoms][2];
  float sum_[atoms][2];
  float values_[atoms][columnTiles][4];
};

}  // namespace whittle::cuda
