// The CUDA kernels that this program was linked with.
#pragma once

#include <string>
#include <vector>

#include "../cuda/fusion.cuh"
#include "../cuda/kernel.cuh"

namespace whittle::cuda {

struct KernelEntry {
  std::string op;
  Kernel kernel;
};

// Every op once, by name.
std::vector<KernelEntry> allKernels();

// That of two ops, by their names; null if there is none.
Fusion fusionOf(const std::string& first, const std::string& second);

}  // namespace whittle::cuda
