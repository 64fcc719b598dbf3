// What the queue has done since the last read that went well. A GPU's kernels say after the fact that they could not do what they were asked; then the log is gone through
// on the host, as the CPU's executor would have done it op by op, to know which tensors that spoils. The good path only appends and drops.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "../cuda/faults.cuh"
#include "../runtime/poison.h"

namespace whittle::cuda {

// A place between two commands.
struct LogPosition {
  uint64_t batch = 0;
  size_t word = 0;
};

class CommandLog {
 public:
  // `ops`: the op of each kernel.
  explicit CommandLog(std::vector<std::string> ops) : ops_(std::move(ops)) {}

  // For the queue's thread. The commands that are being worked off from here on; they stay where they are returned until they are dropped.
  const std::vector<double>& append(std::vector<double> words);
  // The place before a word of the commands appended last, or after all of them.
  LogPosition at(const double* word) const;
  // The runs from here on are calls 0, 1, … of a segment.
  void beginSegment(LogPosition at, int32_t segment);
  // A command that failed before the GPU saw it.
  void fail(LogPosition command, Failure failure);
  // For the thread that ends reads: goes on to `end`, given what the fault log held there (null: nothing has run since the last time). The failure that
  // spoiled `extent`, or null. `end` never goes back.
  std::shared_ptr<const Failure> resolve(LogPosition end, const Extent& extent, const FaultLog* faults);

 private:
  struct Segment {
    size_t word;
    int32_t number;
  };
  struct HostFailure {
    size_t word;
    std::shared_ptr<const Failure> failure;
  };
  struct Logged {
    std::vector<double> words;
    std::vector<Segment> segments;
    std::vector<HostFailure> failures;
  };
  class Replay;

  Logged& logged(uint64_t batch) { return log_[batch - first_]; }
  bool hasFailuresBefore(LogPosition end);
  void skipTo(LogPosition end);

  const std::vector<std::string> ops_;
  mutable std::mutex mutex_;
  std::deque<Logged> log_;
  // Number of the first batch in the log.
  uint64_t first_ = 0;
  // Everything before it is accounted for in `poison_`.
  LogPosition done_;
  PoisonMap poison_;
};

}  // namespace whittle::cuda
