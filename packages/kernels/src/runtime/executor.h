// A device's queue and the thread that works it off, in order.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "device-memory.h"
#include "kernel-registry.h"
#include "poison.h"
#include "worker-pool.h"

namespace whittle {

// A read that has ended; `failure` is null when its destination holds the content. A failure without an op means that the device is lost.
struct FinishedRead {
  double ticket;
  std::shared_ptr<const Failure> failure;
};

class Executor {
 public:
  // `onFinished` is called on the executor's thread when finished reads wait and none did before.
  Executor(Isa isa, int32_t threads, std::function<void()> onFinished);
  ~Executor();

  const std::vector<KernelEntry>& kernels() const { return kernels_; }
  DeviceMemory& memory() { return memory_; }

  // Appends commands; copies them.
  void submit(const double* words, size_t count);
  // Appends a copy of `bytes` bytes; at once when nothing is queued before it.
  void submitWrite(void* destination, const void* source, size_t bytes);
  std::vector<FinishedRead> takeFinished();
  // Drops what is queued, waits for the op at work and ends the thread. Safe to call twice.
  void close();

 private:
  struct Batch {
    std::vector<double> words;
    std::unique_ptr<uint8_t[]> payload;
  };

  void enqueue(Batch batch);
  void work();
  void execute(const Batch& batch);
  void perform(const double* words);
  void run(const double* words);
  void read(const double* words);
  void finish(double ticket, std::shared_ptr<const Failure> failure);
  bool shouldFail(int kernel);

  const std::vector<KernelEntry> kernels_;
  PoolWorkers workers_;
  const std::function<void()> onFinished_;
  DeviceMemory memory_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Batch> queue_;
  // Batches queued or at work.
  std::atomic<size_t> pending_{0};
  std::atomic<bool> closing_{false};

  // Touched by the executor's thread, or under the mutex while nothing is pending.
  PoisonMap poison_;
  std::unordered_map<int, std::vector<int64_t>> armed_;
  // Set when the executor itself, not a kernel, failed: nothing runs any more, and every read ends with this.
  std::shared_ptr<const Failure> lost_;

  std::mutex finishedMutex_;
  std::vector<FinishedRead> finished_;

  std::thread thread_;
};

}  // namespace whittle
