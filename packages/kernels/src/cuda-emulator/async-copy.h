// Copies that a thread has begun and not yet waited for (PTX: cp.async).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace whittle::cuda::emulator {

// A copy happens when it is waited for, and not before: until then its destination holds NaNs, so that a kernel which forgets to wait goes
// wrong.
class AsyncCopies {
 public:
  // 16 bytes, or zeros if `source` is null.
  void begin(void* destination, const void* source);
  void endGroup();
  // Ends all groups but the last `left`.
  void wait(size_t left);
  void clear();

 private:
  struct Copy {
    void* destination;
    const void* source;
  };
  std::vector<Copy> copies_;
  // For each group under way, the number of copies it ends at.
  std::vector<size_t> groups_;
};

}  // namespace whittle::cuda::emulator
