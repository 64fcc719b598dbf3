#include "elementwise.cuh"

namespace whittle::cuda {

struct SiluMul {
  static __device__ float apply(float gate, float up) { return gate / (1.0f + expf(-gate)) * up; }
};

static bool siluMul(const Call& call) {
  return mapPairs<SiluMul>(call);
}

WHITTLE_CUDA_KERNEL("siluMul", siluMul);

}  // namespace whittle::cuda
