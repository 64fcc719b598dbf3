// A stretch of ops that is kept, decoded, and run again and again with other tensors in the places of its parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "commands.h"

namespace whittle {

class Program {
 public:
  // Appends a run: its words are copied.
  void add(const double* words);
  // Tensor `tensor` of run number `run` begins `byteOffset` bytes after parameter `parameter`.
  void place(size_t run, int tensor, size_t parameter, int64_t byteOffset);
  // Puts the parameters, `count` addresses, into their places.
  void bind(const double* addresses, size_t count);
  const std::vector<RunCommand>& runs() const { return runs_; }

 private:
  struct Place {
    size_t run;
    int tensor;
    size_t parameter;
    int64_t byteOffset;
  };

  std::vector<RunCommand> runs_;
  // One array a run, which its command points into.
  std::vector<std::vector<double>> attributes_;
  std::vector<Place> places_;
};

}  // namespace whittle
