// What is to be done when the GPU has come so far: reads are delivered, memory goes back.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "../cuda/platform.cuh"
#include "loss.h"

namespace whittle::cuda {

class Completions {
 public:
  Completions(int device, Loss& loss);
  // Waits for the GPU and does all that is left.
  ~Completions();

  // `then` is called on a thread of its own, in order, when all that is in the stream now has run, or when the device is lost. Queue's thread.
  void push(cudaStream_t stream, std::function<void()> then);
  bool idle() const { return waiting_.load(std::memory_order_acquire) == 0; }
  // Waits for the GPU, does all that is left and ends the thread. Safe to call twice.
  void close();

 private:
  struct Item {
    // Null: the device was lost already.
    cudaEvent_t event;
    std::function<void()> then;
  };

  cudaEvent_t takeEvent();
  void work();
  void wait(cudaEvent_t event);

  const int device_;
  Loss& loss_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Item> items_;
  std::vector<cudaEvent_t> freeEvents_;
  // Items queued or at work.
  std::atomic<size_t> waiting_{0};
  std::atomic<bool> closing_{false};
  std::thread thread_;
};

}  // namespace whittle::cuda
