#include "queue-thread.h"

#include <cstring>
#include <iterator>
#include <utility>

#include "commands.h"
#include "spin.h"

namespace whittle {

namespace {

// A step is recorded in several flushes, microseconds apart: asleep between two of them the thread would lose more than it saves.
constexpr std::chrono::microseconds queueSpin{30};

}  // namespace

QueueThread::QueueThread(std::function<void(Batch&)> execute) : execute_(std::move(execute)), thread_([this] { work(); }) {}

void QueueThread::push(const double* words, size_t count) {
  if (count > 0) push({std::vector<double>(words, words + count), nullptr});
}

void QueueThread::pushWrite(void* destination, const void* source, size_t bytes) {
  std::unique_ptr<uint8_t[]> payload(new uint8_t[bytes]);
  std::memcpy(payload.get(), source, bytes);
  const double words[] = {static_cast<double>(Opcode::writeOutside), static_cast<double>(reinterpret_cast<uintptr_t>(destination)),
                          static_cast<double>(bytes), static_cast<double>(reinterpret_cast<uintptr_t>(payload.get()))};
  push({std::vector<double>(std::begin(words), std::end(words)), std::move(payload)});
}

void QueueThread::push(Batch batch) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(batch));
    pending_.fetch_add(1, std::memory_order_release);
  }
  arrived_.notify_one();
}

void QueueThread::close() {
  {
    std::lock_guard lock(mutex_);
    closing_.store(true);
  }
  arrived_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void QueueThread::work() {
  for (;;) {
    auto stirred = [this] { return pending_.load(std::memory_order_acquire) > 0 || closing_.load(std::memory_order_acquire); };
    spinUntil(queueSpin, stirred);
    Batch batch;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, stirred);
      if (closing_.load()) return;
      batch = std::move(queue_.front());
      queue_.pop_front();
    }
    execute_(batch);
    std::lock_guard lock(mutex_);
    pending_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace whittle
