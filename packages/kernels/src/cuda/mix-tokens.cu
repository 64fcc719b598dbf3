#include "kernel.cuh"

namespace whittle::cuda {

__global__ void mixTokensKernel(Tensor tokens, Tensor sampled, Tensor from, Tensor y, Faults faults) {
  afterPrevious();
  const int64_t row = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (row >= y.rows()) return;
  const int32_t index = *from.row<const int32_t>(row);
  int32_t token = 0;
  if (index < 0) {
    token = *tokens.row<const int32_t>(row);
  } else if (index < sampled.rows()) {
    token = *sampled.row<const int32_t>(index);
  } else {
    faults.raise(Fault::sampledOutside, row, index, sampled.rows());
  }
  *y.row<int32_t>(row) = token;
}

static bool mixTokens(const Call& call) {
  const dim3 grid(static_cast<unsigned>(divideUp(call[3].rows(), 128)));
  return call.launch(mixTokensKernel, grid, dim3(128), 0, call[0], call[1], call[2], call[3], call.faults);
}

WHITTLE_CUDA_KERNEL("mixTokens", mixTokens);

}  // namespace whittle::cuda
