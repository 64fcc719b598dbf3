#include "status.h"

#include <atomic>
#include <cstdlib>
#include <utility>

namespace {

long launchesBeforeLoss() {
  const char* launches = std::getenv("WHITTLE_EMULATED_LOSS");
  return launches ? std::atol(launches) : -1;
}

// Negative: any number.
std::atomic<long> launchesLeft{launchesBeforeLoss()};
std::atomic<bool> lost{false};

thread_local cudaError_t last = cudaSuccess;
thread_local std::string failure;

}  // namespace

namespace whittle::cuda::emulator {

cudaError_t remember(cudaError_t status) {
  if (status != cudaSuccess) last = status;
  return status;
}

cudaError_t launchFailure(std::string reason) {
  failure = "launch failure: " + std::move(reason);
  return remember(cudaErrorLaunchFailure);
}

cudaError_t deviceState() {
  return lost ? cudaErrorIllegalAddress : cudaSuccess;
}

void countLaunch() {
  if (launchesLeft >= 0 && launchesLeft-- == 0) lost = true;
}

}  // namespace whittle::cuda::emulator

cudaError_t cudaGetLastError() {
  return std::exchange(last, cudaSuccess);
}

cudaError_t cudaPeekAtLastError() {
  return last;
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorNotReady:
      return "device not ready";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:
      return failure.c_str();
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureUnmatched:
      return "capture was not initiated in this stream";
  }
  return "unknown error";
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define WHITTLE_NAME(error) \
  case error:               \
    return #error;
    WHITTLE_NAME(cudaSuccess)
    WHITTLE_NAME(cudaErrorInvalidValue)
    WHITTLE_NAME(cudaErrorMemoryAllocation)
    WHITTLE_NAME(cudaErrorInvalidConfiguration)
    WHITTLE_NAME(cudaErrorInsufficientDriver)
    WHITTLE_NAME(cudaErrorNoDevice)
    WHITTLE_NAME(cudaErrorInvalidDevice)
    WHITTLE_NAME(cudaErrorInvalidResourceHandle)
    WHITTLE_NAME(cudaErrorNotReady)
    WHITTLE_NAME(cudaErrorIllegalAddress)
    WHITTLE_NAME(cudaErrorLaunchFailure)
    WHITTLE_NAME(cudaErrorStreamCaptureUnsupported)
    WHITTLE_NAME(cudaErrorStreamCaptureUnmatched)
#undef WHITTLE_NAME
  }
  return "cudaErrorUnknown";
}
