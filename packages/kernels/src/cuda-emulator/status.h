// What the last calls of this thread came to.
#pragma once

#include <string>

#include "runtime.h"

namespace whittle::cuda::emulator {

// Remembers an error for cudaGetLastError, and passes it on.
cudaError_t remember(cudaError_t status);
// The reason behind cudaErrorLaunchFailure.
cudaError_t launchFailure(std::string reason);

}  // namespace whittle::cuda::emulator
