#include "elementwise.cuh"

namespace whittle::cuda {

// One of the two, and the pool that it goes to.
struct Appended {
  Tensor rows, pool;
  int chunks;
};

template <typename T, bool whole>
__device__ inline void appendChunk(const Appended& part, int64_t row, int64_t slot, int chunk) {
  const int first = chunk * chunkSize, left = static_cast<int>(part.rows.columns()) - first;
  storeRow<whole>(part.pool, slot, first, loadChunk<whole>(part.rows.row<const T>(row) + first, left));
}

template <typename T, bool whole>
__global__ void appendKvPagedKernel(Appended k, Appended v, Tensor slots, Faults faults) {
  const int64_t row = blockIdx.x;
  const int chunk = static_cast<int>(chunkIndex());
  afterPrevious();
  const int32_t slot = *slots.row<const int32_t>(row);
  if (slot >= k.pool.rows()) {
    if (chunk == 0) faults.raise(Fault::slotOutside, row, slot, k.pool.rows());
    return;
  }
  if (slot < 0) return;
  if (chunk < k.chunks) {
    appendChunk<T, whole>(k, row, slot, chunk);
  } else if (chunk < k.chunks + v.chunks) {
    appendChunk<T, whole>(v, row, slot, chunk - k.chunks);
  }
}

static bool appendKvPaged(const Call& call) {
  const Tensor& slots = call[4];
  const auto appended = [](const Tensor& rows, const Tensor& pool) {
    return Appended{rows, pool, static_cast<int>(divideUp(rows.columns(), chunkSize))};
  };
  const Appended k = appended(call[0], call[2]), v = appended(call[1], call[3]);
  const bool whole = wholeRows(k.rows) && wholeRows(k.pool) && wholeRows(v.rows) && wholeRows(v.pool);
  const auto [grid, block] = rowGrid(slots.rows(), k.chunks + v.chunks);
  return withChunks(k.rows.dtype, whole, [&]<typename T, bool chunks>() {
    return call.launch(appendKvPagedKernel<T, chunks>, grid, block, 0, k, v, slots, call.faults);
  });
}

WHITTLE_CUDA_KERNEL("appendKv.paged", appendKvPaged);

}  // namespace whittle::cuda
