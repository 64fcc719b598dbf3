#include "kernel.cuh"

namespace whittle::cuda {

constexpr int tileSide = 64, tileThreads = 256;

// By way of shared memory, so that both sides are met in whole lines. Rows of a tile lie a bank further apart than there are banks.
template <typename U>
__global__ void transposeKernel(Tensor x, Tensor y, int64_t tilesAcross) {
  __shared__ U tile[tileSide][tileSide + 4 / sizeof(U)];
  const int64_t top = blockIdx.x / tilesAcross * tileSide, left = blockIdx.x % tilesAcross * tileSide;
  const int across = threadIdx.x % tileSide, down = threadIdx.x / tileSide;
  afterPrevious();
#pragma unroll
  for (int i = down; i < tileSide; i += tileThreads / tileSide) {
    if (top + i < x.rows() && left + across < y.rows()) tile[i][across] = x.row<const U>(top + i)[left + across];
  }
  __syncthreads();
#pragma unroll
  for (int i = down; i < tileSide; i += tileThreads / tileSide) {
    if (left + i < y.rows() && top + across < x.rows()) y.row<U>(left + i)[top + across] = tile[across][i];
  }
}

static bool transpose(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  const int64_t tilesAcross = divideUp(y.rows(), tileSide);
  const dim3 grid(static_cast<unsigned>(divideUp(x.rows(), tileSide) * tilesAcross)), block(tileThreads);
  if (x.dtype == DType::f32) return call.launch(transposeKernel<uint32_t>, grid, block, 0, x, y, tilesAcross);
  return call.launch(transposeKernel<uint16_t>, grid, block, 0, x, y, tilesAcross);
}

WHITTLE_CUDA_KERNEL("transpose", transpose);

}  // namespace whittle::cuda
