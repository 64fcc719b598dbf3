#pragma once

#include <string>

namespace whittle::cuda::emulator {

// As the source has it, with its template arguments; its address where the linker knows no name.
std::string kernelName(const void* kernel);

}  // namespace whittle::cuda::emulator
