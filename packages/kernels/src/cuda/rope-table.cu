#include "elementwise.cuh"

namespace whittle::cuda {

// Turns are counted in float64: whole ones fall away without loss at any position that there is, and f32 functions do for the rest.
__global__ void ropeTableKernel(Tensor positions, Tensor frequencies, Tensor table) {
  const int64_t row = blockIdx.x, half = frequencies.rows(), i = chunkIndex();
  afterPrevious();
  if (i >= half) return;
  constexpr double halfTurnsPerRadian = 0.31830988618379067154;
  const double halfTurns = *positions.row<const int32_t>(row) * (*frequencies.row<const float>(i) * halfTurnsPerRadian);
  const double rest = halfTurns - 2 * rint(halfTurns / 2);
  float sin, cos;
  sincospif(static_cast<float>(rest), &sin, &cos);
  float* const target = table.row<float>(row);
  target[i] = cos;
  target[half + i] = sin;
}

static bool ropeTable(const Call& call) {
  const Tensor &positions = call[0], &frequencies = call[1], &table = call[2];
  const auto [grid, block] = rowGrid(positions.rows(), frequencies.rows());
  return call.launch(ropeTableKernel, grid, block, 0, positions, frequencies, table);
}

WHITTLE_CUDA_KERNEL("ropeTable", ropeTable);

}  // namespace whittle::cuda
