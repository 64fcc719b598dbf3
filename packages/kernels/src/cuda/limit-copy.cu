// What the machine itself can do: copying memory, each byte read once and written once.
#include "kernel.cuh"

namespace whittle::cuda {

namespace {

constexpr int threads = 512;
constexpr int loads = 4;

__global__ void limitCopyKernel(const uint4* x, int64_t packs, uint4* y) {
  afterPrevious();
  const int64_t stretch = int64_t{threads} * loads;
  for (int64_t from = blockIdx.x * stretch; from < packs; from += gridDim.x * stretch) {
    uint4 pack[loads];
#pragma unroll
    for (int i = 0; i < loads; i++) {
      const int64_t at = from + i * threads + threadIdx.x;
      if (at < packs) pack[i] = loadStreaming(x + at);
    }
#pragma unroll
    for (int i = 0; i < loads; i++) {
      const int64_t at = from + i * threads + threadIdx.x;
      if (at < packs) y[at] = pack[i];
    }
  }
}

bool limitCopy(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  const int64_t packs = x.rows() * x.columns() / 4;
  const dim3 grid(static_cast<unsigned>(call.machine.multiprocessors * 4));
  return call.launch(limitCopyKernel, grid, dim3(threads), 0, x.row<const uint4>(0), packs, y.row<uint4>(0));
}

}  // namespace

WHITTLE_CUDA_KERNEL("limit.copy", limitCopy);

}  // namespace whittle::cuda
