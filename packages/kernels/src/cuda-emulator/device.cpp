// The devices that there seem to be: H100s with little memory.
#include <cstdlib>
#include <cstring>
#include <string>

#include "runtime.h"
#include "status.h"

using whittle::cuda::emulator::remember;

namespace {

thread_local int chosen = 0;

// As CUDA reads it: indices separated by commas, the first that is none ends the list.
int deviceCount() {
  constexpr int devices = 2;
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (!visible) return devices;
  int count = 0;
  for (const char* at = visible; *at >= '0' && *at < '0' + devices && (at[1] == ',' || at[1] == '\0'); at += at[1] == ',' ? 2 : 1) count++;
  return count;
}

bool exists(int device) {
  return device >= 0 && device < deviceCount();
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  *count = deviceCount();
  return remember(*count > 0 ? cudaSuccess : cudaErrorNoDevice);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (!exists(device)) return remember(cudaErrorInvalidDevice);
  *properties = {};
  std::strcpy(properties->name, "emulated H100");
  size_t free;
  cudaMemGetInfo(&free, &properties->totalGlobalMem);
  properties->sharedMemPerBlock = size_t{48} << 10;
  properties->sharedMemPerBlockOptin = size_t{227} << 10;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  // Of another machine, so that its kernels are tested too.
  const char* asked = std::getenv("WHITTLE_EMULATED_CAPABILITY");
  const int capability = asked ? std::atoi(asked) : 90;
  properties->major = capability / 10;
  properties->minor = capability % 10;
  const char* multiprocessors = std::getenv("WHITTLE_EMULATED_MULTIPROCESSORS");
  properties->multiProcessorCount = multiprocessors ? std::atoi(multiprocessors) : 132;
  properties->l2CacheSize = 50 << 20;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (!exists(device)) return remember(deviceCount() > 0 ? cudaErrorInvalidDevice : cudaErrorNoDevice);
  chosen = device;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = chosen;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
