#include "rope.cuh"

namespace whittle::cuda {

static bool rope(const Call& call) {
  return rotate<false>(call, rotationOf(call[0], {}, call[1], call[2], {}), call.flag(0));
}

WHITTLE_CUDA_KERNEL("rope", rope);

}  // namespace whittle::cuda
