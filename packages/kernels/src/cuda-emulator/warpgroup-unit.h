// Twins of what stands in src/cuda/warpgroup-unit.cuh. Each warp of four multiplies for itself: they share nothing but shared memory.
#pragma once

#include <cstdint>

#include "../cuda/types.cuh"
#include "intrinsics.h"

namespace whittle::cuda {

using ProductRows = const unsigned char*;

constexpr bool groupsMultiply = true;

inline ProductRows productRows(const void* rows) {
  return static_cast<ProductRows>(rows);
}

inline void beginProducts() {}

inline void endProducts() {
  emulator::Block::current().products().endBatch();
}

template <int batches>
void productsLeft(float (&)[32]) {
  emulator::Block::current().products().wait(batches);
}

inline void keepOperand(uint32_t (&)[4]) {}

inline void showToProducts() {}

template <typename T>
void groupMultiply(float (&d)[32], const uint32_t (&a)[4], ProductRows rows, int first, int step, bool adds);

template <>
inline void groupMultiply<BF16>(float (&d)[32], const uint32_t (&a)[4], ProductRows rows, int first, int step, bool adds) {
  emulator::Block::current().products().begin({d, a, rows + 128 * first, step, adds, &emulator::multiplyBFloat});
}

template <>
inline void groupMultiply<F16>(float (&d)[32], const uint32_t (&a)[4], ProductRows rows, int first, int step, bool adds) {
  emulator::Block::current().products().begin({d, a, rows + 128 * first, step, adds, &emulator::multiplyHalf});
}

}  // namespace whittle::cuda
