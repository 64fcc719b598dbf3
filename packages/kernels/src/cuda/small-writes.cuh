// Small writes of the host, whose content travels as the parameters of a kernel: no copy, no memory that must live until it has run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "faults.cuh"
#include "platform.cuh"

namespace whittle::cuda {

// Kernel parameters take 4 KiB at most.
struct SmallWrites {
  static constexpr int maxPieces = 32;
  static constexpr size_t capacity = 3456;
  // Larger ones are copied.
  static constexpr size_t largest = 1024;

  struct Piece {
    uint64_t address;
    int32_t offset;
    int32_t bytes;
  };

  // What is set in the fault log; negative: nothing.
  int32_t segment = -1;
  int32_t count = 0;
  int32_t used = 0;
  Piece pieces[maxPieces];
  alignas(16) uint8_t content[capacity];

  // False: it does not fit any more.
  bool add(void* address, const void* source, size_t bytes) {
    if (count == maxPieces || static_cast<size_t>(used) + bytes > capacity) return false;
    pieces[count++] = {reinterpret_cast<uint64_t>(address), used, static_cast<int32_t>(bytes)};
    std::memcpy(content + used, source, bytes);
    used += static_cast<int32_t>((bytes + 15) / 16 * 16);
    return true;
  }
};

// Pieces are written one after another: a later one wins where two overlap.
cudaError_t writeSmall(const SmallWrites& writes, FaultLog* log, cudaStream_t stream);

}  // namespace whittle::cuda
