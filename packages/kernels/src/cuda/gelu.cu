#include "elementwise.cuh"

namespace whittle::cuda {

// z·Φ(z) in the tanh form: z/2·(1 + tanh u) = z / (1 + e⁻²ᵘ), which does not cancel.
__device__ static float geluTanh(float z) {
  const float twiceU = 1.5957691216f * (z + 0.044715f * z * z * z);
  return z / (1.0f + expf(-twiceU));
}

__device__ static float geluErf(float z) {
  return 0.5f * z * (1.0f + erff(0.70710678118f * z));
}

template <typename T, bool approximate, bool whole>
__global__ void geluKernel(Tensor x, Tensor y) {
  const int64_t row = blockIdx.x, first = chunkSize * chunkIndex(), left = y.columns() - first;
  afterPrevious();
  if (left <= 0) return;
  const Chunk z = loadChunk<whole>(x.row<const T>(row) + first, static_cast<int>(left));
  Chunk result;
#pragma unroll
  for (int i = 0; i < chunkSize; i++) {
    const float value = approximate ? geluTanh(z.x[i]) : geluErf(z.x[i]);
    // −∞ · 0 is no number.
    result.x[i] = z.x[i] == -INFINITY ? 0.0f : value;
  }
  storeChunk<whole>(y.row<T>(row) + first, result, static_cast<int>(left));
}

static bool gelu(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  const auto [grid, block] = rowGrid(y.rows(), divideUp(y.columns(), chunkSize));
  return withChunks(y.dtype, wholeRows(x) && wholeRows(y), [&]<typename T, bool whole>() {
    return call.flag(0) ? call.launch(geluKernel<T, true, whole>, grid, block, 0, x, y)
                        : call.launch(geluKernel<T, false, whole>, grid, block, 0, x, y);
  });
}

WHITTLE_CUDA_KERNEL("gelu", gelu);

}  // namespace whittle::cuda
