#include "kernel.cuh"

namespace whittle::cuda {

template <typename T>
__global__ void addKernel(Tensor a, Tensor b, Tensor y) {
  afterPrevious();
  // Rows in x: a grid has at most 65,535 blocks in y.
  const int64_t row = blockIdx.x;
  for (int64_t i = blockIdx.y * blockDim.x + threadIdx.x; i < y.columns(); i += int64_t{gridDim.y} * blockDim.x) {
    y.row<T>(row)[i] = fromFloat<T>(toFloat(a.row<const T>(row)[i]) + toFloat(b.row<const T>(row)[i]));
  }
}

static bool add(const Call& call) {
  const Tensor& y = call[2];
  return withFloatType(y.dtype, [&]<typename T>() {
    const dim3 grid(static_cast<unsigned>(y.rows()), static_cast<unsigned>(divideUp(y.columns(), 256)));
    return call.launch(addKernel<T>, grid, dim3(256), 0, call[0], call[1], y);
  });
}

WHITTLE_CUDA_KERNEL("add", add);

}  // namespace whittle::cuda
