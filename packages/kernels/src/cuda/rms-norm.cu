#include "norm.cuh"

namespace whittle::cuda {

static bool rmsNorm(const Call& call) {
  return normalise<false, false>(call, {.x = call[0], .weight = call[1], .y = call[2], .settled = call.areSettled(1, 1)});
}

WHITTLE_CUDA_KERNEL("rmsNorm", rmsNorm);

}  // namespace whittle::cuda
