// A device's memory as the driver gives it out.
#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_set>

namespace whittle::cuda {

// Safe from several threads. What is left at the end is given back.
class CudaMemory {
 public:
  explicit CudaMemory(int device) : device_(device) {}
  CudaMemory(const CudaMemory&) = delete;
  CudaMemory& operator=(const CudaMemory&) = delete;
  ~CudaMemory();

  // At least 256-byte aligned, undefined content; null when there is none.
  void* allocate(size_t bytes);
  // Waits for the GPU.
  void release(void* address);

 private:
  const int device_;
  std::mutex mutex_;
  std::unordered_set<void*> pieces_;
};

}  // namespace whittle::cuda
