// Parts of an attention that several blocks share: where they stand, and how the block that comes last folds them.
#pragma once

#include "attend-part.cuh"

namespace whittle::cuda {

// Parts that are read at once when they are folded.
constexpr int foldedAtOnce = 8;

struct FoldedPart {
  PartStats stats;
  float value;
};

struct PartStore {
  float* values;
  PartStats* stats;
  // One for the blocks that share the parts of some rows and heads.
  unsigned* tickets;
  int32_t splits;
  int32_t heads;
  int32_t valueDim;

  __device__ int64_t place(int64_t row, int32_t split, int32_t head) const { return (row * splits + split) * heads + head; }

  __device__ void store(int64_t row, int32_t split, int32_t head, int32_t column, const PartStats& total, float value) const {
    const int64_t at = place(row, split, head);
    if (column == 0) stats[at] = total;
    values[at * valueDim + column] = value;
  }

  // Other multiprocessors wrote it: it may not come from a cache of this one.
  __device__ PartStats readStats(int64_t at) const {
    const float2 pair = __ldcg(reinterpret_cast<const float2*>(stats + at));
    return {pair.x, pair.y};
  }
  __device__ float readValue(int64_t at, int32_t column) const { return __ldcg(values + at * valueDim + column); }

  // An element of the first `count` parts, first to last.
  __device__ FoldedPart fold(int64_t row, int32_t head, int32_t column, int32_t count) const {
    FoldedPart folded{{minusInfinity, 0}, 0};
    for (int base = 0; base < count; base += foldedAtOnce) {
      PartStats next[foldedAtOnce];
      float value[foldedAtOnce];
#pragma unroll
      for (int i = 0; i < foldedAtOnce; i++) {
        const int64_t at = place(row, min(base + i, count - 1), head);
        next[i] = readStats(at);
        value[i] = readValue(at, column);
      }
#pragma unroll
      for (int i = 0; i < foldedAtOnce; i++) {
        if (base + i >= count || next[i].empty()) continue;
        const FoldWeights weights = foldStats(folded.stats, next[i]);
        folded = {weights.stats, foldValue(folded.value, value[i], weights)};
      }
    }
    return folded;
  }
};

// Called by all threads of `of` blocks with one ticket, which is 0 before and after. True in the last of them, which can read what the others wrote.
__device__ inline bool arrivesLast(unsigned* ticket, unsigned of) {
  // The barriers pass on to this block's threads, and from them, what the one thread's fences say.
  __syncthreads();
  bool last = false;
  if (threadIdx.x == 0) {
    __threadfence();
    last = atomicInc(ticket, of - 1) == of - 1;
    __threadfence();
  }
  return __syncthreads_or(last);
}

}  // namespace whittle::cuda
