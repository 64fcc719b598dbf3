#include "elementwise.cuh"
#include "silu.cuh"

namespace whittle::cuda {

static bool siluMul(const Call& call) {
  return mapPairs<SiluMul>(call);
}

WHITTLE_CUDA_KERNEL("siluMul", siluMul);

}  // namespace whittle::cuda
