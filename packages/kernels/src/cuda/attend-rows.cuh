// Attention of few rows over many keys, limited by reading the keys: all query heads of a key head, and neighbouring rows that see the same list, go
// together over it, several blocks over one list. Source: Dao et al. 2023 (Flash-Decoding).
#pragma once

#include "attend-rows-block.cuh"

namespace whittle::cuda {

// Where the parts of the splits stand until they are folded.
struct PartStore {
  float* values;
  PartStats* stats;
  int32_t splits;
  int32_t heads;
  int32_t valueDim;

  __device__ int64_t place(int64_t row, int32_t split, int32_t head) const { return (row * splits + split) * heads + head; }
};

template <typename W, int queries, typename Source>
__global__ void __launch_bounds__(128, 2) attendRowsKernel(Source source, AttendShape shape, RowsPlan plan, Tensor q, Tensor out, Tensor stats,
                                                         PartStore parts) {
  WHITTLE_SHARED(shared);
  afterPrevious();
  const int64_t first = int64_t{blockIdx.x} * plan.rows;
  const auto rows = static_cast<int>(min(int64_t{plan.rows}, q.rows() - first));
  if (plan.tileRows > 0 && sharedTile(source, first / plan.tileRows * plan.tileRows, plan.tileRows)) return;
  bool together = true;
  for (int i = 1; i < rows; i++) together = together && sameList(source.read(first, false), source.read(first + i, false));
  RowsBlock<W, queries, Source> block(source, shape, plan, q, shared);
  const int step = together ? rows : 1;
  for (int64_t row = first; row < first + rows; row += step) {
    block.attend(row, step, [&](int64_t at, int32_t head, int32_t column, int32_t count, const PartStats& total, float value) {
      if (plan.splits == 1) {
        finishElement(out, stats, shape, at, head, column, count, total, value);
      } else {
        const int64_t place = parts.place(at, blockIdx.z, head);
        if (column == 0) parts.stats[place] = total;
        if (!total.empty()) parts.values[place * shape.valueDim + column] = value;
      }
    });
  }
}

// Parts of splits that are read at once when they are folded.
constexpr int foldedAtOnce = 8;

// Folds the parts of the splits, first to last.
template <typename Source>
__global__ void foldPartsKernel(Source source, AttendShape shape, PartStore parts, Tensor out, Tensor stats) {
  afterPrevious();
  const int64_t row = blockIdx.x;
  const auto head = static_cast<int32_t>(blockIdx.y);
  int32_t count = 0;
  for (int column = threadIdx.x; column < shape.valueDim; column += blockDim.x) {
    PartStats total{minusInfinity, 0};
    float value = 0;
    for (int base = 0; base < parts.splits; base += foldedAtOnce) {
      // Whatever stands there: nothing was written where a part is empty.
      PartStats next[foldedAtOnce];
      float values[foldedAtOnce];
#pragma unroll
      for (int i = 0; i < foldedAtOnce; i++) {
        const int64_t place = parts.place(row, min(base + i, parts.splits - 1), head);
        next[i] = parts.stats[place];
        values[i] = parts.values[place * shape.valueDim + column];
      }
      // While the parts are on their way.
      if (base == 0) count = source.read(row, false).count;
#pragma unroll
      for (int i = 0; i < foldedAtOnce; i++) {
        if (base + i >= parts.splits || next[i].empty()) continue;
        const FoldWeights weights = foldStats(total, next[i]);
        value = foldValue(value, values[i], weights);
        total = weights.stats;
      }
    }
    finishElement(out, stats, shape, row, head, column, count, total, value);
  }
}

}  // namespace whittle::cuda
