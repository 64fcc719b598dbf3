// A device as the addon sees it: a queue of commands and the thread that works it off, in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "poison.h"

namespace whittle {

// A read that has ended; `failure` is null when its destination holds the content. A failure without an op means that the device is lost.
struct FinishedRead {
  double ticket;
  std::shared_ptr<const Failure> failure;
};

// How often a device launched stretches of ops one by one, how many of them it has made into a program of its own, and how often it ran one
// of those.
struct ReplayCounts {
  uint64_t eager = 0;
  uint64_t captured = 0;
  uint64_t replayed = 0;
};

// What kernels have cost so far. Counted from the first time that somebody asks.
struct KernelTimes {
  int64_t nanoseconds = 0;
  int64_t calls = 0;
};

class Queue {
 public:
  virtual ~Queue() = default;

  // The op of each kernel, by its number.
  virtual std::vector<std::string> ops() const = 0;
  // Device memory that holds zeros, at least 64-byte aligned; null when the system refuses. May wait for memory that is on its way back.
  virtual void* allocate(size_t bytes) = 0;
  // A file as device memory, read-only. Null when the system refuses, or when device memory is not the host's: then files are loaded
  // (Opcode::load).
  virtual void* mapFile(int descriptor, size_t bytes) = 0;
  // Appends commands; copies them.
  virtual void submit(const double* words, size_t count) = 0;
  // Appends a copy of `bytes` bytes.
  virtual void submitWrite(void* destination, const void* source, size_t bytes) = 0;
  virtual std::vector<FinishedRead> takeFinished() = 0;
  virtual ReplayCounts replayCounts() const = 0;
  // Zeros where kernels run beside the queue's thread.
  virtual KernelTimes kernelTimes() { return {}; }
  // Whether it takes the commands of programs.
  virtual bool keepsPrograms() const { return false; }
  // Drops what is queued, waits for what is at work and ends the threads. Safe to call twice.
  virtual void close() = 0;
};

}  // namespace whittle
