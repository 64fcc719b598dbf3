// What a kernel has found wrong, in words.
#pragma once

#include <string>

#include "../cuda/faults.cuh"

namespace whittle::cuda {

std::string describe(const FaultRecord& record);

}  // namespace whittle::cuda
