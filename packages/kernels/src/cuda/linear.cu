#include "product.cuh"

namespace whittle::cuda {

static bool linear(const Call& call) {
  return multiply(call, {call[0], call.areSettled(1, 1), 1, false, {call[1]}, {call[2]}, {call[3]}});
}

WHITTLE_CUDA_KERNEL("linear", linear);

}  // namespace whittle::cuda
