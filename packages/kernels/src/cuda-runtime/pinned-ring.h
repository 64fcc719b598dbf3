// Pinned host memory, handed out round and round: what a copy between host and GPU passes through, so that it runs on its own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace whittle::cuda {

class PinnedRing {
 public:
  // Throws CudaError when there is no such memory.
  explicit PinnedRing(size_t bytes);
  ~PinnedRing();
  PinnedRing(const PinnedRing&) = delete;
  PinnedRing& operator=(const PinnedRing&) = delete;

  // Largest piece.
  size_t largest() const { return bytes_ / 4; }

  struct Piece {
    void* data;
    // What `give` wants.
    size_t span;
  };

  // 64-byte aligned. Waits until there is room. One thread takes.
  Piece take(size_t bytes);
  // Whether a piece can be had without waiting.
  bool hasRoom(size_t bytes);
  // Pieces come back in the order in which they were taken; several may be given at once, by the sum of their spans.
  void give(size_t span);

 private:
  size_t spanOf(size_t bytes) const;

  const size_t bytes_;
  void* data_ = nullptr;
  std::mutex mutex_;
  std::condition_variable given_;
  // Bytes ever taken and given.
  uint64_t taken_ = 0;
  uint64_t returned_ = 0;
};

}  // namespace whittle::cuda
