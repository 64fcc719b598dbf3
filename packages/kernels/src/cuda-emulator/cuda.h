// The words of CUDA on the CPU: what the .cu files and the queue use of the language and of its runtime library, no more. See block.h for
// how a kernel runs.
#pragma once

#include "atomics.h"
#include "bits.h"
#include "device-math.h"
#include "half.h"
#include "intrinsics.h"
#include "language.h"
#include "launch.h"
#include "runtime.h"
#include "vectors.h"
#include "warp.h"
