// Calls of ops with what the reference device says of them. Written by `tests/src/case-file.ts`, where the format stands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "../runtime/tensor.h"

namespace whittle::conformance {

struct Expectation {
  std::vector<double> values;
  std::vector<double> limits;
};

struct CaseTensor {
  bool present = false;
  // `data` is unset.
  Tensor type;
  // Content of an input, from its first element to its last.
  std::vector<uint8_t> bytes;
  std::optional<Expectation> expected;
};

struct Case {
  std::string op;
  bool fails = false;
  std::vector<double> attributes;
  int inputs = 0;
  // Inputs, then outputs.
  std::vector<CaseTensor> tensors;
};

// Throws std::runtime_error if the file cannot be read or is not what it should be.
std::vector<Case> readCases(const std::string& path);

int64_t elementsOf(const Tensor& tensor);

}  // namespace whittle::conformance
