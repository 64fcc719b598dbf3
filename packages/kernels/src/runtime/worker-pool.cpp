#include "worker-pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "spin.h"
#include "upcoming-board.h"

namespace whittle {

namespace {

// A worker that has nothing to do looks out for this long before it sleeps: the gap between two loops of one step is shorter.
constexpr std::chrono::microseconds workerSpin{50};
// Parts per thread, so that one slow thread does not hold up the rest.
constexpr int64_t partsPerThread = 4;
// Threads beyond so many begin in another's share.
constexpr int64_t mostShares = 64;

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
  bool run(int32_t helpers, int64_t count, int64_t grain, void (*part)(void*, int64_t, int64_t), void* context) {
    bool idle = false;
    if (!taken_.compare_exchange_strong(idle, true, std::memory_order_acquire)) return false;
    part_ = part;
    context_ = context;
    count_ = count;
    share(count, grain, helpers + 1);
    enrolment_.store(static_cast<uint64_t>(helpers) << 32, std::memory_order_release);
    signal_.fetch_add(1, std::memory_order_release);
    signal_.notify_all();
    takeParts(0);
    callersShare_.begin(board_, 0, shares_);
    // No more helpers; those who came finish their part.
    enrolment_.fetch_and(0xffffffffu, std::memory_order_acq_rel);
    auto done = [this] {
      if (enrolment_.load(std::memory_order_acquire) == 0) return true;
      callersShare_.fetch();
      return false;
    };
    while (!spinUntil(workerSpin, done)) std::this_thread::yield();
    std::exception_ptr failure = std::exchange(failure_, nullptr);
    taken_.store(false, std::memory_order_release);
    if (failure) std::rethrow_exception(failure);
    return true;
  }

  void post(const Upcoming& upcoming) { board_.post(upcoming); }

 private:
  // Each thread has a stretch of the loop to itself: what it reads lies side by side, and the next part is on its way from memory when the
  // one before ends. Who is done early helps the others.
  void share(int64_t count, int64_t grain, int64_t threads) {
    shares_ = std::min<int64_t>(threads, mostShares);
    const int64_t grains = (count + grain - 1) / grain;
    // Whole grains: kernels choose them as multiples of their tile.
    chunk_ = (grains + shares_ * partsPerThread - 1) / (shares_ * partsPerThread) * grain;
    for (int64_t i = 0; i < shares_; i++) {
      share_[i].end = std::min((i + 1) * grains / shares_ * grain, count);
      share_[i].next.store(i * grains / shares_ * grain, std::memory_order_relaxed);
    }
  }

  // `own`: the share to begin with.
  void takeParts(int64_t own) {
    try {
      for (int64_t i = 0; i < shares_; i++) {
        Share& share = share_[(own + i) % shares_];
        while (share.next.load(std::memory_order_relaxed) < share.end) {
          const int64_t begin = share.next.fetch_add(chunk_, std::memory_order_relaxed);
          if (begin < share.end) part_(context_, begin, std::min(begin + chunk_, share.end));
        }
      }
    } catch (...) {
      for (int64_t i = 0; i < shares_; i++) share_[i].next.store(count_, std::memory_order_relaxed);
      std::lock_guard lock(failing_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  void work() {
    UpcomingShare upcoming;
    for (;;) {
      const uint32_t signal = signal_.load(std::memory_order_acquire);
      if (const uint64_t place = enrol()) {
        takeParts(static_cast<int64_t>(place));
        upcoming.begin(board_, static_cast<int64_t>(place) % shares_, shares_);
        enrolment_.fetch_sub(1, std::memory_order_release);
        continue;
      }
      // Where helpers are wanted is looked at directly: one cache line that comes over from the caller less than by way of the signal.
      auto wanted = [&] {
        if ((enrolment_.load(std::memory_order_acquire) >> 32) > 0) return true;
        upcoming.fetch();
        return false;
      };
      if (!spinUntil(workerSpin, wanted)) signal_.wait(signal, std::memory_order_acquire);
    }
  }

  // A number from 1 on that no other helper of this loop gets; 0: none is wanted.
  uint64_t enrol() {
    uint64_t state = enrolment_.load(std::memory_order_acquire);
    while ((state >> 32) > 0) {
      if (enrolment_.compare_exchange_weak(state, state - (uint64_t{1} << 32) + 1, std::memory_order_acq_rel)) return state >> 32;
    }
    return 0;
  }

  UpcomingBoard board_;
  // Belongs to who has taken the pool.
  UpcomingShare callersShare_;

  std::mutex growing_;
  int32_t workers_ = 0;

  std::atomic<bool> taken_{false};
  std::mutex failing_;
  std::exception_ptr failure_;

  // A stretch of the loop: what nobody has taken yet of it.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };
  Share share_[mostShares];
  // High half: helpers still wanted; low half: helpers at work.
  alignas(64) std::atomic<uint64_t> enrolment_{0};
  // The loop at work, in the cache line that helpers look at anyway. Written before `enrolment_` opens, read only by those who are counted
  // in it.
  void (*part_)(void*, int64_t, int64_t) = nullptr;
  void* context_ = nullptr;
  int64_t count_ = 0;
  int64_t chunk_ = 1;
  int64_t shares_ = 1;
  alignas(64) std::atomic<uint32_t> signal_{0};
};

}  // namespace

PoolWorkers::PoolWorkers(int32_t threads) : threads_(std::max(1, threads)) {
  Pool::instance().grow(threads_);
}

void PoolWorkers::post(const Upcoming& upcoming) {
  if (threads_ > 1) Pool::instance().post(upcoming);
}

void PoolWorkers::run(int64_t count, int64_t grain, Part part, void* context) {
  if (count <= 0) return;
  grain = std::max<int64_t>(1, grain);
  const int64_t grains = (count + grain - 1) / grain;
  const int64_t threads = std::min<int64_t>(threads_, grains);
  if (threads > 1) {
    if (Pool::instance().run(static_cast<int32_t>(threads - 1), count, grain, part, context)) return;
  }
  part(context, 0, count);
}

}  // namespace whittle
