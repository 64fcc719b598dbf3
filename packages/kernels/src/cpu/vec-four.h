// What every build of four lanes has in common.
#pragma once

#include "vec.h"

namespace WHITTLE_KERNEL_NAMESPACE {

typedef float Vec __attribute__((vector_size(16)));
typedef int32_t VecInt __attribute__((vector_size(16)));

// Lane i of column k is lane k of row i; in place.
WHITTLE_INLINE void transposeLanes(Vec* rows) {
  const Vec low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5), high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  const Vec low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5), high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  rows[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  rows[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  rows[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

// Lanes so that sumLanes adds neighbours, then neighbouring sums, and so on.
constexpr int kLaneOrder[] = {0, 1, 2, 3};

}  // namespace WHITTLE_KERNEL_NAMESPACE
