// The sums of a block's warps, pass after pass, until all of them are added up together.
#pragma once

#include "block-ring.cuh"

namespace whittle::cuda {

// The end of a pass is a long chain of dependent steps, which would hold up the products after each (H100, q4_0, 11008 x 4096, one row: 14.3 us; 13.0 so, and with the
// ring's steps from pass to pass). So the sums of several passes stay in shared memory, of as many as there is room for, and then every thread ends some.
class Rounds {
 public:
  // Of shared memory. `room`: passes, times rows of x, of which the sums of so many warps stay.
  static constexpr int bytes(int room, int warps) { return room * warps * passLines * static_cast<int>(sizeof(float)); }

  __device__ Rounds(const Product& product, const Share& share, unsigned char* memory, int room)
      : product_(product), share_(share), sums_(reinterpret_cast<float*>(memory)), room_(room), rows_(static_cast<int>(product.rows())), passes_(room / rows_) {}

  // Where this warp's sums of a row of x belong, those of the 16 rows of weights side by side.
  __device__ float* sumsOf(int row) const { return sums_ + ((threadIdx.x / 32 * room_) + held_ * rows_ + row) * passLines; }

  // After a pass whose sums are where they belong. `settled(sum, line, half)` is what a sum is taken for.
  template <typename Settled>
  __device__ void endPass(int pass, Settled&& settled) {
    if (++held_ < passes_ && pass + 1 < share_.passes) return;
    __syncthreads();
    // The warps' sums in their order, of lines r and r + 8 of a pass (the two halves of a gated line).
    const int warps = static_cast<int>(blockDim.x) / 32;
    for (int item = threadIdx.x; item < 8 * rows_ * held_; item += 32 * warps) {
      const int r = item % 8, line = share_.from + (pass + 1 - held_ + item / 8 / rows_) * share_.step + r;
      const int64_t row = item / 8 % rows_;
      if (line >= share_.to) continue;
      const float* part = sums_ + item / 8 * passLines + r;
      float low = 0, high = 0;
#pragma unroll 8
      for (int w = 0; w < warps; w++, part += room_ * passLines) {
        low += part[0];
        high += part[8];
      }
      low = settled(low, line, 0);
      if (product_.gated || line + 8 < share_.to) high = settled(high, product_.gated ? line : line + 8, product_.gated ? 1 : 0);
      finishPair(product_, row, line, share_.to, low, high);
    }
    __syncthreads();
    held_ = 0;
  }

 private:
  const Product& product_;
  const Share& share_;
  float* const sums_;
  const int room_, rows_, passes_;
  int held_ = 0;
};

}  // namespace whittle::cuda
