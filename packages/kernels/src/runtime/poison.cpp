#include "poison.h"

#include <algorithm>

namespace whittle {

namespace {

// Calls piece(begin, end) for each stretch of bytes without a gap.
template <typename Piece>
void eachPiece(const Extent& extent, Piece&& piece) {
  if (extent.rows <= 0 || extent.rowBytes <= 0) return;
  if (extent.dense()) {
    piece(extent.address, extent.address + static_cast<uint64_t>(extent.rows * extent.rowBytes));
    return;
  }
  for (int64_t row = 0; row < extent.rows; row++) {
    const uint64_t begin = extent.address + static_cast<uint64_t>(row * extent.strideBytes);
    piece(begin, begin + static_cast<uint64_t>(extent.rowBytes));
  }
}

}  // namespace

std::shared_ptr<const Failure> PoisonMap::find(const Extent& extent) const {
  std::shared_ptr<const Failure> found;
  if (ranges_.empty()) return found;
  eachPiece(extent, [&](uint64_t begin, uint64_t end) {
    if (found) return;
    auto range = std::upper_bound(ranges_.begin(), ranges_.end(), begin, [](uint64_t address, const Range& r) { return address < r.end; });
    if (range != ranges_.end() && range->begin < end) found = range->failure;
  });
  return found;
}

void PoisonMap::add(const Extent& extent, const std::shared_ptr<const Failure>& failure) {
  eachPiece(extent, [&](uint64_t begin, uint64_t end) {
    removeRange(begin, end);
    auto place =
        std::upper_bound(ranges_.begin(), ranges_.end(), begin, [](uint64_t address, const Range& r) { return address < r.begin; });
    ranges_.insert(place, {begin, end, failure});
  });
}

void PoisonMap::remove(const Extent& extent) {
  if (ranges_.empty()) return;
  eachPiece(extent, [&](uint64_t begin, uint64_t end) { removeRange(begin, end); });
}

void PoisonMap::removeRange(uint64_t begin, uint64_t end) {
  std::vector<Range> kept;
  kept.reserve(ranges_.size() + 1);
  for (Range& range : ranges_) {
    if (range.end <= begin || range.begin >= end) {
      kept.push_back(std::move(range));
      continue;
    }
    if (range.begin < begin) kept.push_back({range.begin, begin, range.failure});
    if (range.end > end) kept.push_back({end, range.end, range.failure});
  }
  ranges_ = std::move(kept);
}

}  // namespace whittle
