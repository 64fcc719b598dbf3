#include "kernel.cuh"

namespace whittle::cuda {

__global__ void adjustLogitsKernel(Tensor logits, Tensor places, Tensor changes, Faults faults) {
  afterPrevious();
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= places.rows()) return;
  const int32_t row = places.row<const int32_t>(i)[0], id = places.row<const int32_t>(i)[1];
  if (row < 0) return;
  if (row >= logits.rows() || id < 0 || id >= logits.columns()) {
    return faults.raise(Fault::changeOutside, i, row, id, logits.rows(), logits.columns());
  }
  const float divisor = changes.row<const float>(i)[0], offset = changes.row<const float>(i)[1];
  float& x = logits.row<float>(row)[id];
  x = (x > 0 ? x / divisor : x * divisor) + offset;
}

static bool adjustLogits(const Call& call) {
  const dim3 grid(static_cast<unsigned>(divideUp(call[1].rows(), 128)));
  return call.launch(adjustLogitsKernel, grid, dim3(128), 0, call[0], call[1], call[2], call.faults);
}

WHITTLE_CUDA_KERNEL("adjustLogits", adjustLogits);

}  // namespace whittle::cuda
