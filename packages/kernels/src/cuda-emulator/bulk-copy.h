// Bulk copies and their barriers: twins of what stands in src/cuda/bulk-copy.cuh.
#pragma once

#include <cstdint>

#include "bulk-copies.h"

namespace whittle::cuda {

using CopyBarrier = uint64_t;

inline void beginBarrier(CopyBarrier* barrier) {
  emulator::BulkCopies::current().beginBarrier(barrier);
}

inline void seeBarriers() {}

inline void expectCopies(CopyBarrier* barrier, int bytes) {
  emulator::BulkCopies::current().expect(barrier, bytes);
}

inline void awaitCopies(CopyBarrier* barrier, uint32_t parity) {
  emulator::BulkCopies::current().await(barrier, parity);
}

inline uint64_t readOnce() {
  return 0;
}

inline void copyBulk(void* shared, const void* source, int bytes, CopyBarrier* barrier, uint64_t) {
  emulator::BulkCopies::current().begin(shared, source, bytes, barrier);
}

inline void prefetchBulk(const void*, int) {}

}  // namespace whittle::cuda
