#include "norm.cuh"

namespace whittle::cuda {

static bool addLayerNorm(const Call& call) {
  return normalise<true, true>(call, {.x = call[0], .residual = call[1], .weight = call[2], .bias = call[3], .sum = call[4], .y = call[5], .settled = call.areSettled(2, 2)});
}

WHITTLE_CUDA_KERNEL("addLayerNorm", addLayerNorm);

}  // namespace whittle::cuda
