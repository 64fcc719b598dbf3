#include "norm.cuh"

namespace whittle::cuda {

static bool layerNorm(const Call& call) {
  return normalise<true, false>(call, {.x = call[0], .weight = call[1], .bias = call[2], .y = call[3], .settled = call.areSettled(1, 2)});
}

WHITTLE_CUDA_KERNEL("layerNorm", layerNorm);

}  // namespace whittle::cuda
