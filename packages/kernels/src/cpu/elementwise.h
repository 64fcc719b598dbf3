// How rows of independent elements are shared out.
#pragma once

#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Rows worth handing to another thread when a row costs about `cost` units, one being an element of an addition (0.07 ns on a Zen 5 at 4
// GHz): some 4 µs, several times what it takes to reach a thread that looks out for work. So a decode step's rows stay with the caller.
WHITTLE_INLINE int64_t rowGrain(int64_t cost) {
  return 1 + 64 * 1024 / (cost + 1);
}

// body(row) for every row, in parallel where that pays.
template <typename Body>
inline void forRows(const Call& call, int64_t rows, int64_t cost, Body&& body) {
  call.workers.parallelFor(rows, rowGrain(cost), [&](int64_t from, int64_t to) {
    for (int64_t row = from; row < to; row++) body(row);
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
