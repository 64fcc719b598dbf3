#include "product.cuh"

namespace whittle::cuda {

static bool linears(const Call& call) {
  return multiply(call, {call[0], call.areSettled(1, 3), 3, false, {call[1], call[2], call[3]}, {call[4], call[5], call[6]}, {call[7], call[8], call[9]}});
}

WHITTLE_CUDA_KERNEL("linears", linears);

}  // namespace whittle::cuda
