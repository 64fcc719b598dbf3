// Where a queue says what is upcoming, and threads that wait for each other look, so that memory is at work meanwhile.
#pragma once

#include <atomic>

#include "upcoming.h"

namespace whittle {

// Every number is read by itself: what is mixed of two notes is asked for in vain, no more, since asking cannot fault.
class UpcomingBoard {
 public:
  void post(const Upcoming& upcoming);
  Upcoming read() const;
  // Of the note that is there.
  uint64_t number() const { return number_.load(std::memory_order_acquire); }

 private:
  struct Weight {
    std::atomic<uint64_t> address{0};
    std::atomic<int64_t> rowBytes{0}, rows{0};
  };

  Weight weights_[Upcoming::most];
  std::atomic<int32_t> count_{0}, streams_{1};
  std::atomic<uint64_t> number_{0};
};

// A thread's way into its share of what is upcoming.
class UpcomingShare {
 public:
  // Begins as thread `own` of `threads`, unless it did so with the same note.
  void begin(const UpcomingBoard& board, int64_t own, int64_t threads);
  // Asks for a little more: some 20 ns.
  void fetch();

 private:
  uint64_t number_ = 0;
  uint64_t at_ = 0;
  int64_t streams_ = 1, apart_ = 0, left_ = 0;
};

}  // namespace whittle
