#include "../runtime/philox.h"
#include "kernel.cuh"

namespace whittle::cuda {

__global__ void philoxWordsKernel(Tensor counters, Tensor keys, Tensor words) {
  afterPrevious();
  const int64_t row = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (row >= words.rows()) return;
  const auto* c = counters.row<const uint32_t>(row);
  const auto* k = keys.row<const uint32_t>(row);
  const PhiloxWords random = philox({{c[0], c[1], c[2], c[3]}}, k[0], k[1]);
  for (int i = 0; i < 4; i++) words.row<uint32_t>(row)[i] = random.word[i];
}

static bool philoxWords(const Call& call) {
  const dim3 grid(static_cast<unsigned>(divideUp(call[2].rows(), 128)));
  return call.launch(philoxWordsKernel, grid, dim3(128), 0, call[0], call[1], call[2]);
}

WHITTLE_CUDA_KERNEL("philoxWords", philoxWords);

}  // namespace whittle::cuda
