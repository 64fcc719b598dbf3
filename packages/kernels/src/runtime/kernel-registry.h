// The kernels that this program was linked with.
#pragma once

#include <string>
#include <vector>

#include "../cpu/kernel.h"

namespace whittle {

// A kernel of an op, in the best build that a limit on the instruction set allows.
struct KernelEntry {
  std::string op;
  Isa isa;
  Kernel kernel;
  // Null: it has none.
  Beginning beginning;
};

// Every op once, by name; `limit` itself may lack a build of an op, then a weaker one is taken.
std::vector<KernelEntry> kernelsUpTo(Isa limit);

}  // namespace whittle
