// Device memory, and pinned host memory, from the process's heap.
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>

#include "launch.h"
#include "status.h"
#include "stream.h"

using namespace whittle::cuda::emulator;

namespace {

constexpr size_t totalBytes = size_t{4} << 30;
constexpr std::align_val_t alignment{256};

// All devices' and pinned memory; its size where it is a device's.
class Heap {
 public:
  static Heap& instance() {
    static Heap heap;
    return heap;
  }

  void* allocate(size_t bytes, bool counted) {
    std::lock_guard lock(mutex_);
    if (counted && bytes > totalBytes - used_) return nullptr;
    void* address = ::operator new(bytes, alignment, std::nothrow);
    if (!address) return nullptr;
    sizes_[address] = counted ? bytes : 0;
    if (counted) used_ += bytes;
    return address;
  }

  bool release(void* address) {
    std::lock_guard lock(mutex_);
    const auto place = sizes_.find(address);
    if (place == sizes_.end()) return false;
    used_ -= place->second;
    sizes_.erase(place);
    ::operator delete(address, alignment);
    return true;
  }

  size_t used() {
    std::lock_guard lock(mutex_);
    return used_;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<void*, size_t> sizes_;
  size_t used_ = 0;
};

cudaError_t allocate(void** address, size_t bytes, bool counted) {
  *address = nullptr;
  if (const cudaError_t error = deviceState()) return remember(error);
  if (isCapturing()) return remember(cudaErrorStreamCaptureUnsupported);
  if (bytes == 0) return cudaSuccess;
  *address = Heap::instance().allocate(bytes, counted);
  return remember(*address ? cudaSuccess : cudaErrorMemoryAllocation);
}

cudaError_t release(void* address) {
  if (isCapturing()) return remember(cudaErrorStreamCaptureUnsupported);
  if (!address) return cudaSuccess;
  return remember(Heap::instance().release(address) ? cudaSuccess : cudaErrorInvalidValue);
}

}  // namespace

cudaError_t cudaMalloc(void** address, size_t bytes) {
  return allocate(address, bytes, true);
}

cudaError_t cudaFree(void* address) {
  return release(address);
}

cudaError_t cudaMallocHost(void** address, size_t bytes) {
  return allocate(address, bytes, false);
}

cudaError_t cudaHostAlloc(void** address, size_t bytes, unsigned) {
  return allocate(address, bytes, false);
}

cudaError_t cudaFreeHost(void* address) {
  return release(address);
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  *total = totalBytes;
  *free = totalBytes - Heap::instance().used();
  return cudaSuccess;
}

cudaError_t cudaMemcpy(void* destination, const void* source, size_t bytes, cudaMemcpyKind kind) {
  if (isCapturing()) return remember(cudaErrorStreamCaptureUnsupported);
  return cudaMemcpyAsync(destination, source, bytes, kind, nullptr);
}

cudaError_t cudaMemcpyAsync(void* destination, const void* source, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (!destination || !source) return remember(cudaErrorInvalidValue);
  return submit(stream, [=] {
    std::memmove(destination, source, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy2DAsync(void* destination, size_t destinationPitch, const void* source, size_t sourcePitch, size_t width,
                              size_t height, cudaMemcpyKind, cudaStream_t stream) {
  if (width == 0 || height == 0) return cudaSuccess;
  if (!destination || !source || destinationPitch < width || sourcePitch < width) return remember(cudaErrorInvalidValue);
  return submit(stream, [=] {
    for (size_t row = 0; row < height; row++) {
      std::memmove(static_cast<char*>(destination) + row * destinationPitch, static_cast<const char*>(source) + row * sourcePitch, width);
    }
    return cudaSuccess;
  });
}

cudaError_t cudaMemset(void* address, int value, size_t bytes) {
  if (isCapturing()) return remember(cudaErrorStreamCaptureUnsupported);
  return cudaMemsetAsync(address, value, bytes, nullptr);
}

cudaError_t cudaMemsetAsync(void* address, int value, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (!address) return remember(cudaErrorInvalidValue);
  return submit(stream, [=] {
    std::memset(address, value, bytes);
    return cudaSuccess;
  });
}
