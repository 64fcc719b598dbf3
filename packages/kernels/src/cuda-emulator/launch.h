// How a kernel is started: what `<<<>>>` is in CUDA.
#pragma once

#include <functional>
#include <tuple>
#include <type_traits>

#include "block.h"
#include "runtime.h"
#include "status.h"
#include "vectors.h"

namespace whittle::cuda::emulator {

// Whether a GPU would start it (compute capability 9.0).
cudaError_t checkLimits(const dim3& grid, const dim3& block, size_t sharedBytes, size_t parameterBytes);

// Runs `work` now, or when the graph is launched that is being captured from the stream.
cudaError_t submit(cudaStream_t stream, std::function<cudaError_t()> work);

// Runs a grid; `cudaGetErrorString` then says what went wrong.
cudaError_t runGrid(const Grid& grid);

// From now on (of this thread), whether kernels begin with their last block and thread instead of their first. Nothing but mistakes may
// depend on it.
void runBackward(bool backward);

template <typename... Parameters>
cudaError_t launch(cudaStream_t stream, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t sharedBytes,
                   std::type_identity_t<Parameters>... arguments) {
  struct Bound {
    void (*kernel)(Parameters...);
    std::tuple<Parameters...> arguments;
  };
  if (const cudaError_t error = checkLimits(grid, block, sharedBytes, (size_t{0} + ... + sizeof(Parameters)))) return error;
  const auto body = [](const void* bound) {
    const auto& call = *static_cast<const Bound*>(bound);
    std::apply(call.kernel, call.arguments);
  };
  return submit(stream, [bound = Bound{kernel, {arguments...}}, grid, block, sharedBytes, body] {
    countLaunch();
    return runGrid({reinterpret_cast<const void*>(bound.kernel), grid, block, sharedBytes, body, &bound});
  });
}

}  // namespace whittle::cuda::emulator

// Dynamic shared memory, 128-byte aligned, as bytes.
#define WHITTLE_SHARED(name) unsigned char* const name = ::whittle::cuda::emulator::Block::current().shared()
