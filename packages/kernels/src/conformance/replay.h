// Runs a case on one kernel build and judges what comes out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../runtime/kernel-registry.h"
#include "case-file.h"

namespace whittle::conformance {

struct Outcome {
  // Why the case does not pass; empty if it does.
  std::string complaint;
  // Bytes of the outputs and of what was mutated: equal for every number of threads.
  std::vector<uint8_t> content;
};

Outcome replay(const Case& item, const KernelEntry& kernel, int32_t threads);

}  // namespace whittle::conformance
