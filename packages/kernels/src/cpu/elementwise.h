// How rows of independent elements are shared out.
#pragma once

#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Rows worth handing to another thread when a row costs about `cost` units of one simple vectorised element (some 0.3 ns): waking a
// sleeping thread takes microseconds, so a decode step's rows stay on the caller's.
WHITTLE_INLINE int64_t rowGrain(int64_t cost) {
  return 1 + 32 * 1024 / (cost + 1);
}

// body(row) for every row, in parallel where that pays.
template <typename Body>
inline void forRows(const Call& call, int64_t rows, int64_t cost, Body&& body) {
  call.workers.parallelFor(rows, rowGrain(cost), [&](int64_t from, int64_t to) {
    for (int64_t row = from; row < to; row++) body(row);
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
