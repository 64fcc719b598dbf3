// What kernels are written in: CUDA C++ as nvcc compiles it, or the same words as the emulator defines them. The emulator runs a kernel's threads as
// fibers on the CPU, so that every kernel is tested where there is no GPU; it knows what the .cu files use, not all of CUDA.
#pragma once

#ifdef WHITTLE_CUDA_EMULATED
#include "../cuda-emulator/cuda.h"
#else
#include <cuda_runtime.h>
#endif

#include "intrinsics.cuh"
