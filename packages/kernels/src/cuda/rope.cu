#include "rope.cuh"

namespace whittle::cuda {

static bool rope(const Call& call) {
  const Tensor &x = call[0], &table = call[1], &y = call[2];
  return rotate(call, rotated(x, y, table), {}, table, call.flag(0));
}

WHITTLE_CUDA_KERNEL("rope", rope);

}  // namespace whittle::cuda
