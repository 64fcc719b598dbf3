#include "blocks.cuh"
#include "elementwise.cuh"

namespace whittle::cuda {

template <bool whole>
__device__ static Chunk loadTableRow(const Tensor& table, int64_t row, int64_t first) {
  if (table.dtype == DType::q8_0) return loadBlockRow<Q8Block>(table, row, first);
  if (table.dtype == DType::q4_0) return loadBlockRow<Q4Block>(table, row, first);
  if (table.dtype == DType::q4_K) return loadBlockRow<Q4KBlock>(table, row, first);
  if (table.dtype == DType::q6_K) return loadBlockRow<Q6KBlock>(table, row, first);
  return loadRow<whole>(table, row, first);
}

template <bool whole>
__global__ void embeddingKernel(Tensor table, Tensor ids, Tensor y, Faults faults) {
  const int64_t row = blockIdx.x, first = chunkSize * chunkIndex();
  afterPrevious();
  const int32_t id = *ids.row<const int32_t>(row);
  if (id >= table.rows()) {
    if (first == 0) faults.raise(Fault::idOutsideTable, id, row, table.rows());
    return;
  }
  if (first >= y.columns()) return;
  Chunk chunk = {};
  if (id >= 0) chunk = loadTableRow<whole>(table, id, first);
  storeRow<whole>(y, row, first, chunk);
}

static bool embedding(const Call& call) {
  const Tensor &table = call[0], &ids = call[1], &y = call[2];
  const auto [grid, block] = rowGrid(y.rows(), divideUp(y.columns(), chunkSize));
  // Blocks have loads of their own.
  const bool whole = wholeRows(y) && (isBlock(table.dtype) || wholeRows(table));
  return call.launch(whole ? embeddingKernel<true> : embeddingKernel<false>, grid, block, 0, table, ids, y, call.faults);
}

WHITTLE_CUDA_KERNEL("embedding", embedding);

}  // namespace whittle::cuda
