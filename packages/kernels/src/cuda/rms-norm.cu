#include "norm.cuh"

namespace whittle::cuda {

static bool rmsNorm(const Call& call) {
  return normalise<false>(call, {.x = call[0], .residual = {}, .weight = call[1], .bias = {}, .sum = {}, .y = call[2]});
}

WHITTLE_CUDA_KERNEL("rmsNorm", rmsNorm);

}  // namespace whittle::cuda
