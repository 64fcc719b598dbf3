// The CUDA kernels that this program was linked with.
#pragma once

#include <string>
#include <vector>

#include "../cuda/kernel.cuh"

namespace whittle::cuda {

struct KernelEntry {
  std::string op;
  Kernel kernel;
};

// Every op once, by name.
std::vector<KernelEntry> allKernels();

}  // namespace whittle::cuda
