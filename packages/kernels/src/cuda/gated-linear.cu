#include "product.cuh"

namespace whittle::cuda {

static bool gatedLinear(const Call& call) {
  return multiply(call, {call[0], call.areSettled(1, 2), 2, true, {call[1], call[2]}, {call[3], call[4]}, {call[5]}});
}

WHITTLE_CUDA_KERNEL("gatedLinear", gatedLinear);

}  // namespace whittle::cuda
