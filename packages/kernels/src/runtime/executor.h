// The CPU's queue: kernels run on its thread and the process's workers, op after op.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "armed-failures.h"
#include "device-memory.h"
#include "kernel-registry.h"
#include "program.h"
#include "queue-thread.h"
#include "queue.h"
#include "read-reports.h"
#include "worker-pool.h"

namespace whittle {

class Executor final : public Queue {
 public:
  // `onFinished` is called on the executor's thread when finished reads wait and none did before.
  Executor(Isa isa, int32_t threads, std::function<void()> onFinished);

  std::vector<std::string> ops() const override;
  void* allocate(size_t bytes) override { return memory_.allocate(bytes); }
  void* mapFile(int descriptor, size_t bytes) override { return memory_.mapFile(descriptor, bytes); }
  void submit(const double* words, size_t count) override { thread_.push(words, count); }
  // At once when nothing is queued before it.
  void submitWrite(void* destination, const void* source, size_t bytes) override;
  std::vector<FinishedRead> takeFinished() override { return reports_.take(); }
  ReplayCounts replayCounts() const override { return {eager_.load(), captured_.load(), replayed_.load()}; }
  KernelTimes kernelTimes() override;
  bool keepsPrograms() const override { return true; }
  void close() override { thread_.close(); }

 private:
  void execute(const Batch& batch);
  void perform(const double* words);
  void run(const RunCommand& run);
  // What a run begins with, if its kernel says so.
  std::optional<Upcoming> beginning(const RunCommand& run);
  // Why the op failed, or null.
  std::shared_ptr<const Failure> call(const RunCommand& run);
  void replay(const double* words);
  void read(const double* words);

  const std::vector<KernelEntry> kernels_;
  PoolWorkers workers_;
  DeviceMemory memory_;
  ReadReports reports_;

  // Touched by the executor's thread, or while it is idle.
  PoisonMap poison_;
  ArmedFailures armed_;
  std::unordered_map<int64_t, Program> programs_;
  // The one that is being recorded.
  Program* recording_ = nullptr;
  // Set when the executor itself, not a kernel, failed: nothing runs any more, and every read ends with this.
  std::shared_ptr<const Failure> lost_;

  // Runs one by one, programs recorded, programs run.
  std::atomic<uint64_t> eager_{0};
  std::atomic<uint64_t> captured_{0};
  std::atomic<uint64_t> replayed_{0};
  std::atomic<bool> timed_{false};
  std::atomic<int64_t> kernelNanoseconds_{0};
  std::atomic<int64_t> kernelCalls_{0};

  // The last member: its thread uses all others.
  QueueThread thread_;
};

}  // namespace whittle
