#include "library.h"

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "cuda-error.h"
#include "cuda-queue.h"

namespace whittle::cuda {

namespace {

void say(char* message, size_t size, const char* text) {
  std::snprintf(message, size, "%s", text);
}

int32_t count(char* message, size_t messageSize) {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status == cudaSuccess) return devices;
  cudaGetLastError();
  if (status == cudaErrorNoDevice) return 0;
  say(message, messageSize, status == cudaErrorInsufficientDriver ? "no NVIDIA driver is installed, or one too old for this build" : cudaGetErrorString(status));
  return -1;
}

bool describe(int32_t device, CudaDeviceInfo& info, char* message, size_t messageSize) {
  try {
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, device), "the device");
    say(info.name, sizeof info.name, properties.name);
    info.capability = properties.major * 10 + properties.minor;
    info.memoryBytes = properties.totalGlobalMem;
    return true;
  } catch (const std::exception& error) {
    say(message, messageSize, error.what());
    return false;
  }
}

int64_t freeBytes(int32_t device, char* message, size_t messageSize) {
  try {
    check(cudaSetDevice(device), "the device");
    size_t free = 0, total = 0;
    check(cudaMemGetInfo(&free, &total), "the device's memory");
    return static_cast<int64_t>(free);
  } catch (const std::exception& error) {
    say(message, messageSize, error.what());
    return -1;
  }
}

Queue* open(int32_t device, std::function<void()> onFinished, char* message, size_t messageSize) {
  try {
    return new CudaQueue(device, std::move(onFinished));
  } catch (const std::exception& error) {
    say(message, messageSize, error.what());
    return nullptr;
  }
}

}  // namespace

}  // namespace whittle::cuda

extern "C" __attribute__((visibility("default"))) const whittle::CudaLibrary* whittleCudaLibrary() {
  static const whittle::CudaLibrary library{whittle::cudaLibraryVersion, whittle::cuda::open, whittle::cuda::count, whittle::cuda::describe,
                                            whittle::cuda::freeBytes};
  return &library;
}
