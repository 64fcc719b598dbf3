// Reads that have ended and of which JavaScript has not yet heard.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "queue.h"

namespace whittle {

class ReadReports {
 public:
  // `onFinished` is called on the reporting thread when reports wait and none did before.
  explicit ReadReports(std::function<void()> onFinished) : onFinished_(std::move(onFinished)) {}

  void finish(double ticket, std::shared_ptr<const Failure> failure) {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = finished_.empty();
      finished_.push_back({ticket, std::move(failure)});
    }
    if (first) onFinished_();
  }

  std::vector<FinishedRead> take() {
    std::lock_guard lock(mutex_);
    return std::exchange(finished_, {});
  }

 private:
  const std::function<void()> onFinished_;
  std::mutex mutex_;
  std::vector<FinishedRead> finished_;
};

}  // namespace whittle
