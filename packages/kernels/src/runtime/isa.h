// Which instruction sets this processor and its operating system can run.
#pragma once

#include <optional>
#include <string>

#include "../cpu/kernel.h"

namespace whittle {

#if defined(__aarch64__)
constexpr Isa allIsas[] = {Isa::baseline, Isa::dotprod};
#else
constexpr Isa allIsas[] = {Isa::baseline, Isa::avx2, Isa::avxvnni, Isa::avx512, Isa::avx512bf16};
#endif

const char* nameOf(Isa isa);
std::optional<Isa> isaNamed(const std::string& name);
bool runsHere(Isa isa);
Isa bestIsa();

}  // namespace whittle
