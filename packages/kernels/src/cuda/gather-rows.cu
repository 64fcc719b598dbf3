#include "units.cuh"

namespace whittle::cuda {

template <typename U>
__global__ void gatherRowsKernel(Tensor x, Tensor indices, Tensor y, int64_t units, Faults faults) {
  const int64_t place = blockIdx.x, unit = chunkIndex();
  afterPrevious();
  const int32_t row = *indices.row<const int32_t>(place);
  if (row < 0 || row >= x.rows()) {
    if (unit == 0) faults.raise(Fault::indexOutsideRows, row, place, x.rows());
    return;
  }
  if (unit < units) unitsOf<U>(y, place)[unit] = unitsOf<const U>(x, row)[unit];
}

static bool gatherRows(const Call& call) {
  const Tensor &x = call[0], &indices = call[1], &y = call[2];
  const int64_t unit = unitOf(x) < unitOf(y) ? unitOf(x) : unitOf(y), units = bytesOf(y.dtype, y.columns()) / unit;
  const auto [grid, block] = rowGrid(y.rows(), units);
  return withUnit(unit,
                  [&]<typename U>() { return call.launch(gatherRowsKernel<U>, grid, block, 0, x, indices, y, units, call.faults); });
}

WHITTLE_CUDA_KERNEL("gatherRows", gatherRows);

}  // namespace whittle::cuda
