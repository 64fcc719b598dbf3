#include "elementwise.cuh"

namespace whittle::cuda {

// The maximum of an empty part is −∞, and −∞ − (−∞) is no number.
__device__ static float partWeight(float largest, float sum, float max) {
  return max == -INFINITY ? 0.0f : sum * expf(largest - max);
}

template <typename T, bool whole>
__global__ void mergePartsKernel(Tensor a, Tensor aStats, Tensor b, Tensor bStats, Tensor out, Tensor stats, int chunksPerHead) {
  const int64_t row = blockIdx.x;
  const int chunk = static_cast<int>(chunkIndex()), heads = static_cast<int>(aStats.dims[1]);
  const int head = chunk / chunksPerHead, place = chunk % chunksPerHead * chunkSize;
  const int valueDim = static_cast<int>(a.columns()) / heads, left = valueDim - place;
  const int64_t first = int64_t{head} * valueDim + place;
  afterPrevious();
  if (head >= heads) return;
  const Chunk p = loadChunk<whole>(a.row<const T>(row) + first, left), q = loadChunk<whole>(b.row<const T>(row) + first, left);
  const float* const aStat = aStats.row<const float>(row) + 2 * head;
  const float* const bStat = bStats.row<const float>(row) + 2 * head;
  const float aLargest = aStat[0], bLargest = bStat[0];
  const float max = aLargest > bLargest || aLargest != aLargest ? aLargest : bLargest;
  const float aWeight = partWeight(aLargest, aStat[1], max), bWeight = partWeight(bLargest, bStat[1], max);
  const float sum = aWeight + bWeight;
  if (place == 0) {
    float* const target = stats.row<float>(row) + 2 * head;
    target[0] = max;
    target[1] = sum;
  }
  Chunk merged;
#pragma unroll
  for (int i = 0; i < chunkSize; i++) merged.x[i] = sum == 0 ? 0.0f : fmaf(aWeight, p.x[i], bWeight * q.x[i]) / sum;
  storeChunk<whole>(out.row<T>(row) + first, merged, left);
}

static bool mergeParts(const Call& call) {
  const Tensor &a = call[0], &aStats = call[1], &b = call[2], &bStats = call[3], &out = call[4], &stats = call[5];
  const int64_t heads = aStats.dims[1], valueDim = a.columns() / heads;
  // A head of no width has statistics all the same.
  const int64_t chunksPerHead = valueDim == 0 ? 1 : divideUp(valueDim, chunkSize);
  const auto [grid, block] = rowGrid(a.rows(), heads * chunksPerHead);
  const bool whole = valueDim > 0 && valueDim % chunkSize == 0 && wholeRows(a) && wholeRows(b) && wholeRows(out);
  return withChunks(out.dtype, whole, [&]<typename T, bool chunks>() {
    return call.launch(mergePartsKernel<T, chunks>, grid, block, 0, a, aStats, b, bStats, out, stats, chunksPerHead);
  });
}

WHITTLE_CUDA_KERNEL("mergeParts", mergeParts);

}  // namespace whittle::cuda
