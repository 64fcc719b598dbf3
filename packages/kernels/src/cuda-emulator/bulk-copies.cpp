#include "bulk-copies.h"

#include <cstring>

#include "block.h"

namespace whittle::cuda::emulator {

BulkCopies& BulkCopies::current() {
  static thread_local BulkCopies copies;
  return copies;
}

void BulkCopies::beginBarrier(const void* barrier) {
  if (reinterpret_cast<uintptr_t>(barrier) % 8 != 0) Block::current().fail("a barrier of copies is at %p, not at a multiple of 8", barrier);
  barriers_[barrier] = {};
}

void BulkCopies::expect(const void* barrier, int bytes) {
  Barrier& own = at(barrier);
  if (own.armed) Block::current().fail("expectCopies twice in a phase");
  own.armed = true;
  own.expected = bytes;
}

void BulkCopies::begin(void* destination, const void* source, int bytes, const void* barrier) {
  const auto multiple = [](const void* address) { return reinterpret_cast<uintptr_t>(address) % 16 == 0; };
  if (!multiple(destination) || !multiple(source) || bytes <= 0 || bytes % 16 != 0) {
    Block::current().fail("copyBulk of %d bytes from %p to %p: all must be multiples of 16", bytes, source, destination);
  }
  Barrier& own = at(barrier);
  std::memset(destination, 0xff, static_cast<size_t>(bytes));
  own.copies.push_back({destination, source, bytes});
}

void BulkCopies::await(const void* barrier, uint32_t parity) {
  Barrier& own = at(barrier);
  if (own.phase % 2 != parity) return;
  int64_t bytes = 0;
  for (const Copy& copy : own.copies) bytes += copy.bytes;
  if (!own.armed || bytes != own.expected) {
    Block::current().fail("awaitCopies would wait for ever: %lld bytes are on their way, %lld expected", static_cast<long long>(bytes),
                          static_cast<long long>(own.armed ? own.expected : -1));
  }
  for (const Copy& copy : own.copies) std::memcpy(copy.destination, copy.source, static_cast<size_t>(copy.bytes));
  own.copies.clear();
  own.armed = false;
  own.phase++;
}

BulkCopies::Barrier& BulkCopies::at(const void* barrier) {
  const auto found = barriers_.find(barrier);
  if (found == barriers_.end()) Block::current().fail("the barrier of copies at %p was not begun", barrier);
  return found->second;
}

}  // namespace whittle::cuda::emulator
