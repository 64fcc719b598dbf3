#include "worker-pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "spin.h"

namespace whittle {

namespace {

// A worker that has nothing to do looks out for this long before it sleeps: the gap between two loops of one step is shorter.
constexpr std::chrono::microseconds workerSpin{50};
// Parts per thread, so that one slow thread does not hold up the rest.
constexpr int64_t partsPerThread = 4;

class Pool {
 public:
  // Never destroyed: its threads may still look at it while the process exits.
  static Pool& instance() {
    static Pool* pool = new Pool();
    return *pool;
  }

  // Makes sure that there are threads for loops of `threads` threads.
  void grow(int32_t threads) {
    std::lock_guard lock(growing_);
    for (; workers_ < threads - 1; workers_++) std::thread([this] { work(); }).detach();
  }

  // False when the pool is taken.
  bool run(int32_t helpers, int64_t count, int64_t chunk, void (*part)(void*, int64_t, int64_t), void* context) {
    bool idle = false;
    if (!taken_.compare_exchange_strong(idle, true, std::memory_order_acquire)) return false;
    part_ = part;
    context_ = context;
    count_ = count;
    chunk_ = chunk;
    next_.store(0, std::memory_order_relaxed);
    enrolment_.store(static_cast<uint64_t>(helpers) << 32, std::memory_order_release);
    signal_.fetch_add(1, std::memory_order_release);
    signal_.notify_all();
    takeParts();
    // No more helpers; those who came finish their part.
    enrolment_.fetch_and(0xffffffffu, std::memory_order_acq_rel);
    auto done = [this] { return enrolment_.load(std::memory_order_acquire) == 0; };
    while (!spinUntil(workerSpin, done)) std::this_thread::yield();
    std::exception_ptr failure = std::exchange(failure_, nullptr);
    taken_.store(false, std::memory_order_release);
    if (failure) std::rethrow_exception(failure);
    return true;
  }

 private:
  void takeParts() {
    try {
      for (int64_t begin; (begin = next_.fetch_add(chunk_, std::memory_order_relaxed)) < count_;) {
        part_(context_, begin, std::min(begin + chunk_, count_));
      }
    } catch (...) {
      next_.store(count_, std::memory_order_relaxed);
      std::lock_guard lock(failing_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  void work() {
    for (;;) {
      const uint32_t signal = signal_.load(std::memory_order_acquire);
      if (enrol()) {
        takeParts();
        enrolment_.fetch_sub(1, std::memory_order_release);
        continue;
      }
      // Where helpers are wanted is looked at directly: one cache line that comes over from the caller less than by way of the signal.
      auto wanted = [&] { return (enrolment_.load(std::memory_order_acquire) >> 32) > 0; };
      if (!spinUntil(workerSpin, wanted)) signal_.wait(signal, std::memory_order_acquire);
    }
  }

  bool enrol() {
    uint64_t state = enrolment_.load(std::memory_order_acquire);
    while ((state >> 32) > 0) {
      if (enrolment_.compare_exchange_weak(state, state - (uint64_t{1} << 32) + 1, std::memory_order_acq_rel)) return true;
    }
    return false;
  }

  std::mutex growing_;
  int32_t workers_ = 0;

  std::atomic<bool> taken_{false};
  std::mutex failing_;
  std::exception_ptr failure_;

  alignas(64) std::atomic<int64_t> next_{0};
  // High half: helpers still wanted; low half: helpers at work.
  alignas(64) std::atomic<uint64_t> enrolment_{0};
  // The loop at work, in the cache line that helpers look at anyway. Written before `enrolment_` opens, read only by those who are counted
  // in it.
  void (*part_)(void*, int64_t, int64_t) = nullptr;
  void* context_ = nullptr;
  int64_t count_ = 0;
  int64_t chunk_ = 1;
  alignas(64) std::atomic<uint32_t> signal_{0};
};

}  // namespace

PoolWorkers::PoolWorkers(int32_t threads) : threads_(std::max(1, threads)) {
  Pool::instance().grow(threads_);
}

void PoolWorkers::run(int64_t count, int64_t grain, Part part, void* context) {
  if (count <= 0) return;
  grain = std::max<int64_t>(1, grain);
  const int64_t grains = (count + grain - 1) / grain;
  const int64_t threads = std::min<int64_t>(threads_, grains);
  if (threads > 1) {
    // Whole grains: kernels choose them as multiples of their tile.
    const int64_t wanted = threads * partsPerThread;
    const int64_t chunk = (grains + wanted - 1) / wanted * grain;
    if (Pool::instance().run(static_cast<int32_t>(threads - 1), count, chunk, part, context)) return;
  }
  part(context, 0, count);
}

}  // namespace whittle
