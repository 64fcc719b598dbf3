#include "group-products.h"

#include <cmath>
#include <cstring>

#include "warpgroup-unit.h"

namespace whittle::cuda::emulator {

namespace {

constexpr int sums = 32;

// By the warp's own products of eight rows.
void multiplyRows(const GroupProduct& product) {
  const int lane = Block::current().lane();
  for (int j = 0; j < sums / 4; j++) {
    uint32_t b[2];
    for (int i = 0; i < 2; i++) {
      const int row = 8 * j + lane / 4;
      const int piece = (2 * product.step + i) ^ row % 8;
      std::memcpy(&b[i], product.rows + 128 * row + 16 * piece + 4 * (lane % 4), sizeof b[i]);
    }
    uint32_t a[4];
    std::memcpy(a, product.a, sizeof a);
    float d[4] = {};
    if (product.adds) std::memcpy(d, product.d + 4 * j, sizeof d);
    multiply(d, a, b, *product.meeting);
    std::memcpy(product.d + 4 * j, d, sizeof d);
  }
}

}  // namespace

void GroupProducts::begin(const GroupProduct& product) {
  if (reinterpret_cast<uintptr_t>(product.rows) % 1024 != 0) {
    Block::current().fail("the rows of groupMultiply are at %p, not a multiple of 1024", static_cast<const void*>(product.rows));
  }
  for (int i = 0; i < sums && !product.adds; i++) product.d[i] = NAN;
  products_.push_back(product);
}

void GroupProducts::endBatch() {
  batches_.push_back(products_.size());
}

void GroupProducts::wait(size_t left) {
  if (batches_.size() <= left) return;
  const size_t ended = batches_.size() - left;
  const size_t count = batches_[ended - 1];
  for (size_t i = 0; i < count; i++) multiplyRows(products_[i]);
  products_.erase(products_.begin(), products_.begin() + static_cast<std::ptrdiff_t>(count));
  batches_.erase(batches_.begin(), batches_.begin() + static_cast<std::ptrdiff_t>(ended));
  for (size_t& end : batches_) end -= count;
}

void GroupProducts::clear() {
  products_.clear();
  batches_.clear();
}

}  // namespace whittle::cuda::emulator
