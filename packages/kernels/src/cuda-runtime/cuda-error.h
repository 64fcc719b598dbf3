// What the runtime library says, as exceptions: nothing of them leaves the shared object.
#pragma once

#include <stdexcept>
#include <string>

#include "../cuda/platform.cuh"

namespace whittle::cuda {

struct CudaError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws CudaError that says what was tried.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  // Else the next call that asks for the last error would be blamed for this one.
  cudaGetLastError();
  throw CudaError(std::string(what) + ": " + cudaGetErrorString(status));
}

}  // namespace whittle::cuda
