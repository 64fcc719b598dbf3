// How rows of independent elements are shared out: a row lies along the grid's x, its chunks along y.
#pragma once

#include "chunk.cuh"
#include "kernel.cuh"

namespace whittle::cuda {

struct RowGrid {
  dim3 grid;
  dim3 block;
};

// A thread for each of a row's `chunks`. Small blocks, as a decode step has one row to spread over the multiprocessors.
inline RowGrid rowGrid(int64_t rows, int64_t chunks) {
  const int64_t threads = chunks >= 128 ? 128 : 32 * divideUp(chunks, 32);
  if (rows == 0 || chunks == 0) return {dim3(0), dim3(1)};
  return {dim3(static_cast<unsigned>(rows), static_cast<unsigned>(divideUp(chunks, threads))), dim3(static_cast<unsigned>(threads))};
}

// Which chunk of its row this thread works on; there may be fewer.
__device__ inline int64_t chunkIndex() {
  return int64_t{blockIdx.y} * blockDim.x + threadIdx.x;
}

// y = map(a, b), element by element.
template <typename T, typename Map, bool whole>
__global__ void mapPairsKernel(Tensor a, Tensor b, Tensor y) {
  const int64_t row = blockIdx.x, first = chunkSize * chunkIndex(), left = y.columns() - first;
  afterPrevious();
  if (left <= 0) return;
  const Chunk p = loadChunk<whole>(a.row<const T>(row) + first, static_cast<int>(left));
  const Chunk q = loadChunk<whole>(b.row<const T>(row) + first, static_cast<int>(left));
  Chunk result;
#pragma unroll
  for (int i = 0; i < chunkSize; i++) result.x[i] = Map::apply(p.x[i], q.x[i]);
  storeChunk<whole>(y.row<T>(row) + first, result, static_cast<int>(left));
}

template <typename Map>
bool mapPairs(const Call& call, const Tensor& a, const Tensor& b, const Tensor& y) {
  const auto [grid, block] = rowGrid(y.rows(), divideUp(y.columns(), chunkSize));
  const bool whole = wholeRows(a) && wholeRows(b) && wholeRows(y);
  return withChunks(y.dtype, whole, [&]<typename T, bool chunks>() { return call.launch(mapPairsKernel<T, Map, chunks>, grid, block, 0, a, b, y); });
}

// Call 0 and 1 → 2.
template <typename Map>
bool mapPairs(const Call& call) {
  return mapPairs<Map>(call, call[0], call[1], call[2]);
}

}  // namespace whittle::cuda
