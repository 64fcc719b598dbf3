// A GPU's queue: its thread puts what JavaScript recorded into one stream, as it comes, and waits for nothing; another thread delivers what the GPU has done.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../cuda/small-writes.cuh"
#include "../runtime/armed-failures.h"
#include "../runtime/commands.h"
#include "../runtime/queue-thread.h"
#include "../runtime/queue.h"
#include "../runtime/read-reports.h"
#include "blas-lt.h"
#include "command-log.h"
#include "completions.h"
#include "cuda-memory.h"
#include "file-loader.h"
#include "graph-cache.h"
#include "growing-scratch.h"
#include "kernel-registry.h"
#include "loss.h"
#include "pinned-ring.h"
#include "stream.h"

namespace whittle::cuda {

class CudaQueue final : public Queue {
 public:
  // Throws CudaError. `onFinished` is called on a thread of the queue when finished reads wait and none did before.
  CudaQueue(int device, std::function<void()> onFinished);

  std::vector<std::string> ops() const override;
  void* allocate(size_t bytes) override;
  void* mapFile(int, size_t) override { return nullptr; }
  void submit(const double* words, size_t count) override { thread_.push(words, count); }
  void submitWrite(void* destination, const void* source, size_t bytes) override { thread_.pushWrite(destination, source, bytes); }
  std::vector<FinishedRead> takeFinished() override { return reports_.take(); }
  ReplayCounts replayCounts() const override { return {eager_.load(), captured_.load(), replayed_.load()}; }
  void close() override;

 private:
  void execute(Batch& batch);
  // One command, or a stretch of runs; the word after it.
  const double* perform(const double* word, const double* end);

  const double* runSegment(const double* word, const double* end);
  void beginSegment(const double* word);
  void launchEagerly();
  // Null: the stretch cannot be made into a program.
  cudaGraphExec_t capture();
  // The segment's ops, as in a program: with what is settled, and as few launches as do. False: one of them was not launched.
  bool launchSettled();
  const KernelEntry& kernelOf(const RunCommand& run) const { return kernels_[static_cast<size_t>(run.kernel)]; }
  Call callOf(const RunCommand& run, int32_t call, uint32_t settled, char* message, int32_t messageSize);

  void write(void* destination, const void* source, size_t bytes);
  void flushWrites();
  void giveWritten();
  void load(const double* words);
  void read(const double* words);
  // Goes through what was done up to a place, for memory's sake.
  void checkpoint(const double* word);
  void resetFaults(const double* word);
  // What the kernels have reported so far, in a piece of the read ring; none if nothing ran since.
  PinnedRing::Piece copyFaults();
  std::shared_ptr<const Failure> resolve(LogPosition end, const Extent& extent, const void* faults);

  const int device_;
  Loss loss_;
  const std::vector<KernelEntry> kernels_;
  Stream stream_;
  CudaMemory memory_;
  Machine machine_;
  FaultLog* faults_ = nullptr;
  std::unique_ptr<BlasLt> blasLt_;
  PinnedRing writeRing_;
  PinnedRing readRing_;
  GraphCache graphs_;
  GrowingScratch scratch_;
  CommandLog log_;
  ReadReports reports_;
  Completions completions_;
  FileLoader loader_;

  // Of the queue's thread.
  ArmedFailures armed_;
  Segment segment_;
  int32_t segmentNumber_ = 0;
  SmallWrites small_;
  // Of the write ring, in the stream; given back after the batch.
  size_t written_ = 0;
  // Whether anything was launched since the faults were copied last.
  bool ranSinceFaults_ = false;
  size_t wordsSinceResolve_ = 0;
  // Set by the thread that ends reads: the GPU's log of faults is to be emptied.
  std::atomic<bool> faulty_{false};

  std::atomic<uint64_t> eager_{0};
  std::atomic<uint64_t> captured_{0};
  std::atomic<uint64_t> replayed_{0};

  // The last member: its thread uses all others.
  QueueThread thread_;
};

}  // namespace whittle::cuda
