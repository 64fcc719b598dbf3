#include "norm.cuh"

namespace whittle::cuda {

static bool addRmsNorm(const Call& call) {
  return normalise<false, true>(call, {.x = call[0], .residual = call[1], .weight = call[2], .sum = call[3], .y = call[4], .settled = call.areSettled(2, 1)});
}

WHITTLE_CUDA_KERNEL("addRmsNorm", addRmsNorm);

}  // namespace whittle::cuda
