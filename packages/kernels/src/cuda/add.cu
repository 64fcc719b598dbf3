#include "elementwise.cuh"

namespace whittle::cuda {

struct Add {
  static __device__ float apply(float a, float b) { return a + b; }
};

static bool add(const Call& call) {
  return mapPairs<Add>(call);
}

WHITTLE_CUDA_KERNEL("add", add);

}  // namespace whittle::cuda
