// Whether a device is lost: after a fault in the driver or in a kernel no call on it works any more, in this process.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "../runtime/poison.h"

namespace whittle::cuda {

// Safe from several threads. The first reason stays.
class Loss {
 public:
  void declare(const std::string& reason) {
    std::lock_guard lock(mutex_);
    if (failure_) return;
    failure_ = std::make_shared<const Failure>(Failure{"", reason});
    lost_.store(true, std::memory_order_release);
  }

  explicit operator bool() const { return lost_.load(std::memory_order_acquire); }

  // What reads end with; null: the device is well.
  std::shared_ptr<const Failure> failure() const {
    std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  mutable std::mutex mutex_;
  std::atomic<bool> lost_{false};
  std::shared_ptr<const Failure> failure_;
};

}  // namespace whittle::cuda
