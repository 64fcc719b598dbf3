#include "upcoming-board.h"

#include <algorithm>

namespace whittle {

namespace {

// Of a core's second-level cache, which has to hold what the loops before read as well.
constexpr int64_t mostBytes = 96 * 1024;
constexpr int64_t bytesAtOnce = 1024;
constexpr int64_t line = 64;

}  // namespace

void UpcomingBoard::post(const Upcoming& upcoming) {
  for (int32_t i = 0; i < upcoming.count; i++) {
    weights_[i].address.store(upcoming.weights[i].address, std::memory_order_relaxed);
    weights_[i].rowBytes.store(upcoming.weights[i].rowBytes, std::memory_order_relaxed);
    weights_[i].rows.store(upcoming.weights[i].rows, std::memory_order_relaxed);
  }
  streams_.store(upcoming.streams, std::memory_order_relaxed);
  count_.store(upcoming.count, std::memory_order_relaxed);
  number_.fetch_add(1, std::memory_order_release);
}

Upcoming UpcomingBoard::read() const {
  Upcoming upcoming;
  upcoming.count = count_.load(std::memory_order_relaxed);
  upcoming.streams = streams_.load(std::memory_order_relaxed);
  for (int32_t i = 0; i < upcoming.count; i++) {
    upcoming.weights[i] = {weights_[i].address.load(std::memory_order_relaxed), weights_[i].rowBytes.load(std::memory_order_relaxed),
                           weights_[i].rows.load(std::memory_order_relaxed)};
  }
  return upcoming;
}

void UpcomingShare::begin(const UpcomingBoard& board, int64_t own, int64_t threads) {
  const uint64_t number = board.number();
  if (number == number_) return;
  number_ = number;
  left_ = 0;
  const Upcoming upcoming = board.read();
  int64_t rows = 0;
  for (int32_t i = 0; i < upcoming.count; i++) rows += upcoming.weights[i].rows;
  // The first row of the share, then that row within its weight.
  int64_t row = own * rows / threads;
  for (int32_t i = 0; i < upcoming.count; i++) {
    const Upcoming::Weight& weight = upcoming.weights[i];
    if (row < weight.rows) {
      streams_ = upcoming.streams;
      const int64_t begin = row / streams_ * weight.rowBytes;
      apart_ = weight.rows / streams_ * weight.rowBytes;
      at_ = weight.address + static_cast<uint64_t>(begin);
      left_ = std::min(mostBytes, streams_ * (apart_ - begin));
      return;
    }
    row -= weight.rows;
  }
}

void UpcomingShare::fetch() {
  if (left_ <= 0) return;
  const int64_t piece = bytesAtOnce / streams_;
  for (int64_t byte = 0; byte < piece; byte += line) {
    for (int64_t stream = 0; stream < streams_; stream++) {
      const uint64_t address = at_ + static_cast<uint64_t>(stream * apart_ + byte);
      __builtin_prefetch(reinterpret_cast<const void*>(static_cast<uintptr_t>(address)), 0, 2);
    }
  }
  at_ += static_cast<uint64_t>(piece);
  left_ -= bytesAtOnce;
}

}  // namespace whittle
