// Batches of commands and the thread that works them off.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace whittle {

struct Batch {
  // Whole commands.
  std::vector<double> words;
  std::unique_ptr<uint8_t[]> payload;
};

class QueueThread {
 public:
  // `execute` is called on the thread, batch after batch, and throws nothing. What it uses must be there before and stay until `close`.
  explicit QueueThread(std::function<void(Batch&)> execute);
  ~QueueThread() { close(); }

  void push(const double* words, size_t count);
  // A write of any size: copies its content.
  void pushWrite(void* destination, const void* source, size_t bytes);
  // Calls `action` while nothing is queued or at work; false: something was.
  template <typename Action>
  bool whileIdle(Action&& action) {
    std::lock_guard lock(mutex_);
    if (pending_.load(std::memory_order_acquire) > 0) return false;
    action();
    return true;
  }
  bool idle() const { return pending_.load(std::memory_order_acquire) == 0; }
  bool closing() const { return closing_.load(std::memory_order_relaxed); }
  // Drops what is queued, waits for the batch at work and ends the thread. Safe to call twice.
  void close();

 private:
  void push(Batch batch);
  void work();

  const std::function<void(Batch&)> execute_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Batch> queue_;
  // Batches queued or at work.
  std::atomic<size_t> pending_{0};
  std::atomic<bool> closing_{false};
  std::thread thread_;
};

}  // namespace whittle
