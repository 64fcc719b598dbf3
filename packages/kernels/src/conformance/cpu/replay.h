// Runs a case on one kernel build and judges what comes out.
#pragma once

#include <cstdint>

#include "../../runtime/kernel-registry.h"
#include "../judge.h"

namespace whittle::conformance {

Outcome replay(const Case& item, const KernelEntry& kernel, int32_t threads);

}  // namespace whittle::conformance
