// What the last calls of this thread came to.
#pragma once

#include <string>

#include "runtime.h"

namespace whittle::cuda::emulator {

// Remembers an error for cudaGetLastError, and passes it on.
cudaError_t remember(cudaError_t status);
// The reason behind cudaErrorLaunchFailure.
cudaError_t launchFailure(std::string reason);
// cudaErrorIllegalAddress once the device is lost, as after an access to memory that is not there: nothing works any more. For tests of
// that, the environment variable WHITTLE_EMULATED_LOSS says how many launches go well before.
cudaError_t deviceState();
void countLaunch();

}  // namespace whittle::cuda::emulator
