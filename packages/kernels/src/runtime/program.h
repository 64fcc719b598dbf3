// A stretch of ops that is kept, decoded, and run again and again with other tensors in the places of its parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "commands.h"
#include "upcoming.h"

namespace whittle {

class Program {
 public:
  // Appends a run: its words are copied.
  void add(const double* words);
  // Tensor `tensor` of run number `run` begins `byteOffset` bytes after parameter `parameter`.
  void place(size_t run, int tensor, size_t parameter, int64_t byteOffset);
  // Puts the parameters, `count` addresses, into their places.
  void bind(const double* addresses, size_t count);
  // All is recorded. `beginning` says what a run begins with, if it reads much; behind the last run comes the first one again.
  void finish(const std::function<std::optional<Upcoming>(const RunCommand&)>& beginning);
  const std::vector<RunCommand>& runs() const { return runs_; }
  // For run number `run`, if it reads much: what the next one that does begins with.
  const std::optional<Upcoming>& after(size_t run) const { return after_[run]; }

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
  std::vector<std::optional<Upcoming>> after_;
};

}  // namespace whittle
