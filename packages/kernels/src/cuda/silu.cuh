// The gate of SwiGLU.
#pragma once

#include "platform.cuh"

namespace whittle::cuda {

struct SiluMul {
  static __device__ float apply(float gate, float up) { return gate / (1.0f + expf(-gate)) * up; }
};

}  // namespace whittle::cuda
