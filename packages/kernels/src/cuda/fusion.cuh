// Calls of two ops, one right after the other, that one launch can do. Programs of the GPU use it: an op that is launched by itself, as in a test, is not touched by it.
#pragma once

#include "kernel.cuh"

namespace whittle::cuda {

// no: these two are not for it, and nothing was launched. failed: both outputs are void.
enum class Fused { no, launched, failed };

inline Fused fused(bool launched) {
  return launched ? Fused::launched : Fused::failed;
}

// Gives to the bit what the two give. The second call says what is settled as if the first one had been launched.
using Fusion = Fused (*)(const Call& first, const Call& second);

struct FusionRegistration {
  FusionRegistration(const char* first, const char* second, Fusion fusion);
};

}  // namespace whittle::cuda

#define WHITTLE_CUDA_FUSION(first, second, function)                         \
  static const ::whittle::cuda::FusionRegistration registration_##function { \
    first, second, function                                                  \
  }
