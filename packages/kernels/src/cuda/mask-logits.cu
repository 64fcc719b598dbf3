#include "kernel.cuh"

namespace whittle::cuda {

constexpr int maskThreads = 256;
// Logits of a thread: what one store of 16 bytes forbids.
constexpr int maskedTogether = 4;

__global__ void maskLogitsKernel(Tensor logits, Tensor mask, Tensor at, Faults faults) {
  afterPrevious();
  const int64_t i = blockIdx.x;
  const int32_t row = *at.row<const int32_t>(i);
  if (row < 0) return;
  if (row >= logits.rows()) {
    if (blockIdx.y == 0 && threadIdx.x == 0) faults.raise(Fault::maskOutside, i, row, logits.rows());
    return;
  }
  const int64_t begin = (int64_t{blockIdx.y} * maskThreads + threadIdx.x) * maskedTogether, left = logits.columns() - begin;
  if (left <= 0) return;
  const uint32_t word = begin / 32 < mask.columns() ? mask.row<const uint32_t>(i)[begin / 32] : 0;
  const uint32_t allowed = word >> (begin % 32) & 15;
  float* const x = logits.row<float>(row) + begin;
  if (allowed == 0 && left >= maskedTogether && reinterpret_cast<uintptr_t>(x) % 16 == 0) {
    *reinterpret_cast<float4*>(x) = make_float4(-INFINITY, -INFINITY, -INFINITY, -INFINITY);
    return;
  }
#pragma unroll
  for (int bit = 0; bit < maskedTogether; bit++) {
    if (bit < left && !(allowed >> bit & 1)) x[bit] = -INFINITY;
  }
}

static bool maskLogits(const Call& call) {
  const dim3 grid(static_cast<unsigned>(call[2].rows()),
                  static_cast<unsigned>(divideUp(call[0].columns(), int64_t{maskThreads} * maskedTogether)));
  return call.launch(maskLogitsKernel, grid, dim3(maskThreads), 0, call[0], call[1], call[2], call.faults);
}

WHITTLE_CUDA_KERNEL("maskLogits", maskLogits);

}  // namespace whittle::cuda
