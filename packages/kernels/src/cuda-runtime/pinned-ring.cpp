#include "pinned-ring.h"

#include "cuda-error.h"

namespace whittle::cuda {

PinnedRing::PinnedRing(size_t bytes) : bytes_(bytes) {
  check(cudaMallocHost(&data_, bytes), "pinned host memory");
}

PinnedRing::~PinnedRing() {
  cudaFreeHost(data_);
}

// What does not fit before the ring's end begins at its start; the rest of the round is part of the piece.
size_t PinnedRing::spanOf(size_t bytes) const {
  const size_t rounded = (bytes + 63) / 64 * 64;
  const size_t left = bytes_ - taken_ % bytes_;
  return rounded <= left ? rounded : left + rounded;
}

PinnedRing::Piece PinnedRing::take(size_t bytes) {
  std::unique_lock lock(mutex_);
  const size_t span = spanOf(bytes);
  given_.wait(lock, [&] { return taken_ + span - returned_ <= bytes_; });
  taken_ += span;
  const size_t rounded = (bytes + 63) / 64 * 64;
  return {static_cast<uint8_t*>(data_) + (taken_ - rounded) % bytes_, span};
}

bool PinnedRing::hasRoom(size_t bytes) {
  std::lock_guard lock(mutex_);
  return taken_ + spanOf(bytes) - returned_ <= bytes_;
}

void PinnedRing::give(size_t span) {
  {
    std::lock_guard lock(mutex_);
    returned_ += span;
  }
  given_.notify_one();
}

}  // namespace whittle::cuda
