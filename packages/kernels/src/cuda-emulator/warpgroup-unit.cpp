// The products of four warps, one warp at a time, by its own products of eight rows.
#include "warpgroup-unit.h"

#include <cstring>

#include "warp.h"

namespace whittle::cuda::emulator {

void multiplyRows(float (&d)[32], const uint32_t (&a)[4], ProductRows rows, int first, int step, bool adds, const Meeting& meeting) {
  Block& block = Block::current();
  if (reinterpret_cast<uintptr_t>(rows) % 1024 != 0) block.fail("the rows of %s are at %p, not a multiple of 1024", meeting.name, static_cast<const void*>(rows));
  const int lane = block.lane();
  for (int j = 0; j < 8; j++) {
    uint32_t b[2];
    for (int i = 0; i < 2; i++) {
      const int row = first + 8 * j + lane / 4;
      const int piece = (2 * step + i) ^ row % 8;
      std::memcpy(&b[i], rows + 128 * row + 16 * piece + 4 * (lane % 4), sizeof b[i]);
    }
    float sums[4];
    for (int i = 0; i < 4; i++) sums[i] = adds ? d[4 * j + i] : 0;
    multiply(sums, a, b, meeting);
    std::memcpy(&d[4 * j], sums, sizeof sums);
  }
}

}  // namespace whittle::cuda::emulator
