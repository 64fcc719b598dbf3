#include "cuda-memory.h"

#include "../cuda/platform.cuh"

namespace whittle::cuda {

CudaMemory::~CudaMemory() {
  cudaSetDevice(device_);
  for (void* address : pieces_) cudaFree(address);
}

void* CudaMemory::allocate(size_t bytes) {
  void* address = nullptr;
  if (cudaSetDevice(device_) != cudaSuccess || cudaMalloc(&address, bytes) != cudaSuccess) {
    // Not the next caller's error.
    cudaGetLastError();
    return nullptr;
  }
  std::lock_guard lock(mutex_);
  pieces_.insert(address);
  return address;
}

void CudaMemory::release(void* address) {
  {
    std::lock_guard lock(mutex_);
    if (pieces_.erase(address) == 0) return;
  }
  cudaFree(address);
}

}  // namespace whittle::cuda
