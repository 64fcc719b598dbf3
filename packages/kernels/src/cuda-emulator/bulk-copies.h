// Copies that the bulk copy engine does for the threads of a block (PTX: cp.async.bulk), by the barriers that count their bytes (mbarrier).
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace whittle::cuda::emulator {

// A copy happens when its barrier is waited for, and not before: until then its destination holds NaNs. What would wait for ever, or count wrong, is an
// error: a warp waits for copies that itself has begun before.
class BulkCopies {
 public:
  // Of the block that is at work on this thread of the CPU.
  static BulkCopies& current();

  void beginBarrier(const void* barrier);
  void expect(const void* barrier, int bytes);
  void begin(void* destination, const void* source, int bytes, const void* barrier);
  void await(const void* barrier, uint32_t parity);

 private:
  struct Copy {
    void* destination;
    const void* source;
    int bytes;
  };
  struct Barrier {
    uint32_t phase = 0;
    bool armed = false;
    int64_t expected = 0;
    std::vector<Copy> copies;
  };
  Barrier& at(const void* barrier);

  std::map<const void*, Barrier> barriers_;
};

}  // namespace whittle::cuda::emulator
