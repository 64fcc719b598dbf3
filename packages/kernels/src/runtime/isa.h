// Which instruction sets this processor and its operating system can run.
#pragma once

#include <optional>
#include <string>

#include "../cpu/kernel.h"

namespace whittle {

#if defined(__aarch64__)
constexpr Isa allIsas[] = {Isa::baseline, Isa::dotprod, Isa::i8mm};
#else
constexpr Isa allIsas[] = {Isa::baseline, Isa::avx2, Isa::avxvnni, Isa::avx512, Isa::avx512bf16, Isa::amx};
#endif

const char* nameOf(Isa isa);
std::optional<Isa> isaNamed(const std::string& name);
bool runsHere(Isa isa);
// Whether the whole conformance suite has passed on a processor that has it. What is not proven runs where somebody asks for it.
constexpr bool isProven([[maybe_unused]] Isa isa) {
#if defined(__aarch64__)
  return true;
#else
  return isa != Isa::amx;
#endif
}
// The strongest one that runs here, of those that are proven.
Isa bestIsa();

}  // namespace whittle
