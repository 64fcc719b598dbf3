// Puts a kernel into a stream.
#pragma once

#include <cstddef>

#include "platform.cuh"

namespace whittle::cuda {

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
  configuration.numAttrs = 1;
  return cudaLaunchKernelEx(&configuration, kernel, static_cast<Parameters>(arguments)...);
#endif
}

}  // namespace whittle::cuda
