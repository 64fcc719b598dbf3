// What came out of a case, and whether that is as it should be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "case-file.h"

namespace whittle::conformance {

struct Outcome {
  // Why the case does not pass; empty if it does.
  std::string complaint;
  // Bytes of the outputs and of what was mutated: equal however often, and on however many threads, the case runs.
  std::vector<uint8_t> content;
};

// Bytes from a tensor's first element to its last.
size_t spanOf(const Tensor& type);

// Of a case that ran: its tensors as they are afterwards, in this process's memory.
Outcome judge(const Case& item, const std::vector<Tensor>& tensors);

}  // namespace whittle::conformance
