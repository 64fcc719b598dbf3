// Attention of few rows over many keys, limited by reading the keys: all query heads of a key head, and neighbouring rows that see the same list, go
// together over it, several blocks over one list. Source: Dao et al. 2023 (Flash-Decoding).
#pragma once

#include "attend-parts.cuh"
#include "attend-rows-block.cuh"

namespace whittle::cuda {

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
        parts.store(at, static_cast<int32_t>(blockIdx.z), head, column, total, value);
      }
    });
  }
  if (plan.splits == 1 || !arrivesLast(parts.tickets + blockIdx.x * gridDim.y + blockIdx.y, gridDim.z)) return;
  const int32_t firstHead = block.firstHead(), heads = block.heads();
  for (int element = threadIdx.x; element < rows * heads * shape.valueDim; element += blockDim.x) {
    const int query = element / shape.valueDim, column = element % shape.valueDim, head = firstHead + query % heads;
    const int64_t row = first + query / heads;
    const auto [total, value] = parts.fold(row, head, column, plan.splits);
    finishElement(out, stats, shape, row, head, column, source.read(row, false).count, total, value);
  }
}

}  // namespace whittle::cuda
