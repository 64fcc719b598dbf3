// Into how many parts an attention is split, and where they stand.
#pragma once

#include "attend-parts.cuh"

namespace whittle::cuda {

constexpr int64_t mostPartBytes = int64_t{128} << 20;

// Splits such that the multiprocessors have as little idle time as possible in their last round of blocks; fewer rather than more.
inline int32_t evenSplits(int64_t blocks, int64_t most, int64_t slots) {
  int64_t best = 1;
  double bestFilled = 0;
  for (int64_t splits = 1; splits <= most && blocks * splits <= 2 * slots; splits++) {
    const int64_t rounds = divideUp(blocks * splits, slots);
    const double filled = static_cast<double>(blocks * splits) / static_cast<double>(rounds * slots);
    // A round more is worth a twentieth: every block has to find its keys first.
    if (filled > bestFilled + 0.05) best = splits, bestFilled = filled;
  }
  return static_cast<int32_t>(best);
}

// Room for the parts of as many splits of each of the lists, at most: one where they would take too much. False: there is no memory, as the call says.
inline bool takeParts(const Call& call, int64_t lists, int64_t rows, const AttendShape& shape, int32_t& splits, PartStore& parts) {
  const auto count = [&] { return rows * shape.heads * splits; };
  const auto bytes = [&] { return count() * (int64_t{sizeof(PartStats)} + shape.valueDim * int64_t{sizeof(float)}); };
  if (bytes() > mostPartBytes || lists > ticketCount) splits = 1;
  parts = {nullptr, nullptr, nullptr, splits, shape.heads, shape.valueDim};
  if (splits == 1) return true;
  void* const memory = call.scratch.take(static_cast<size_t>(bytes()));
  parts.tickets = call.scratch.tickets();
  if (memory == nullptr || parts.tickets == nullptr) return call.fail("no memory for %lld bytes of partial results", static_cast<long long>(bytes()));
  parts.stats = static_cast<PartStats*>(memory);
  parts.values = reinterpret_cast<float*>(parts.stats + count());
  return true;
}

}  // namespace whittle::cuda
