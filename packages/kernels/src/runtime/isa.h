// Which instruction sets this processor and its operating system can run.
#pragma once

#include "../cpu/kernel.h"

namespace whittle {

constexpr Isa allIsas[] = {Isa::baseline, Isa::avx2, Isa::avxvnni, Isa::avx512};

const char* nameOf(Isa isa);
bool runsHere(Isa isa);
Isa bestIsa();

}  // namespace whittle
