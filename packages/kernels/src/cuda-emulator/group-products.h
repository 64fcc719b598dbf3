// Products that a thread has begun as one of four warps and not yet waited for (PTX: wgmma.mma_async).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace whittle::cuda::emulator {

struct Meeting;

// 16 lines by 64 rows, as far as a warp has part in them.
struct GroupProduct {
  float* d;
  const uint32_t* a;
  // 128 bytes each, of which those numbered 32 step to 32 step + 31 are used.
  const unsigned char* rows;
  int step;
  // To what stands in d.
  bool adds;
  const Meeting* meeting;
};

// A product happens when it is waited for, and not before: its operands must stay until then, and sums that it does not add to are NaNs.
class GroupProducts {
 public:
  void begin(const GroupProduct& product);
  void endBatch();
  // Ends all batches but the last `left`; the whole warp meets here.
  void wait(size_t left);
  void clear();

 private:
  std::vector<GroupProduct> products_;
  // For each batch under way, the number of products it ends at.
  std::vector<size_t> batches_;
};

}  // namespace whittle::cuda::emulator
