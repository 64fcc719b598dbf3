#include "kernel.cuh"
#include "order.cuh"

namespace whittle::cuda {

__global__ void __launch_bounds__(logitsThreads) argmaxKernel(Tensor x, Tensor y, Faults faults) {
  afterPrevious();
  const int64_t row = blockIdx.x;
  const LogitsExtent extent = extentOfRow(LogitsExtent::ofShare(LogitsRow(x, row)));
  if (threadIdx.x != 0) return;
  if (extent.id < 0) faults.raise(Fault::rowWithoutNumber, row, x.columns());
  *y.row<int32_t>(row) = extent.id < 0 ? 0 : extent.id;
}

static bool argmax(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  return call.launch(argmaxKernel, dim3(static_cast<unsigned>(y.rows())), dim3(threadsForLogits(x.columns())), 0, x, y, call.faults);
}

WHITTLE_CUDA_KERNEL("argmax", argmax);

}  // namespace whittle::cuda
