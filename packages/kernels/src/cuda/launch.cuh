// Puts a kernel into a stream.
#pragma once

#include <cstddef>

#include "platform.cuh"

namespace whittle::cuda {

#ifndef WHITTLE_CUDA_EMULATED
// Whether the GPU can set a kernel up while the one before it runs: from compute capability 9.0.
inline bool overlapsKernels() {
  static const bool answer = [] {
    int device = 0, major = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    return major >= 9;
  }();
  return answer;
}
#endif

// Its blocks may be set up while the kernel before it still runs, so it begins with `afterPrevious()`. The grid is not empty.
template <typename... Parameters, typename... Arguments>
cudaError_t launch(cudaStream_t stream, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t sharedBytes, const Arguments&... arguments) {
#ifdef WHITTLE_CUDA_EMULATED
  return emulator::launch(stream, kernel, grid, block, sharedBytes, static_cast<Parameters>(arguments)...);
#else
  if (sharedBytes > 48 * 1024) {
    const cudaError_t status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(sharedBytes));
    if (status != cudaSuccess) return status;
  }
  cudaLaunchAttribute overlap{};
  overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  overlap.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t configuration{};
  configuration.gridDim = grid;
  configuration.blockDim = block;
  configuration.dynamicSmemBytes = sharedBytes;
  configuration.stream = stream;
  configuration.attrs = &overlap;
  configuration.numAttrs = overlapsKernels() ? 1 : 0;
  return cudaLaunchKernelEx(&configuration, kernel, static_cast<Parameters>(arguments)...);
#endif
}

}  // namespace whittle::cuda
