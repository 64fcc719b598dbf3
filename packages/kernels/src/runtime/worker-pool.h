// The process's worker threads, shared by all devices.
#pragma once

#include "upcoming.h"
#include "workers.h"

namespace whittle {

// A device's share of the pool: loops take at most `threads` threads, the caller included. When another device's loop has the pool,
// or from within a loop, the caller runs alone. An exception in a part is thrown again by the caller once all parts have ended.
class PoolWorkers final : public Workers {
 public:
  explicit PoolWorkers(int32_t threads);
  int32_t threads() const override { return threads_; }
  // Threads that have done their part of a loop, and wait, ask for what is posted meanwhile.
  void post(const Upcoming& upcoming);

 protected:
  void run(int64_t count, int64_t grain, Part part, void* context) override;

 private:
  const int32_t threads_;
};

}  // namespace whittle
