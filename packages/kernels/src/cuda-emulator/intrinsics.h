// Twins of what stands in src/cuda/intrinsics.cuh.
#pragma once

#include <math.h>

#include <cstdint>

#include "block.h"
#include "half.h"
#include "vectors.h"

namespace whittle::cuda {

namespace emulator {

// An error if the address is not a multiple of 16.
void requireAligned(const void* address, const char* what);
void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], const Meeting& meeting);
void load(uint32_t (&fragment)[4], const void* row, const Meeting& meeting);
uint32_t transpose(uint32_t pair);

extern const Meeting multiplyBFloat;
extern const Meeting multiplyHalf;
extern const Meeting loadRows;
extern const Meeting loadColumns;
extern const Meeting transposeRows;

}  // namespace emulator

// Each thread must call one of these once.
inline void awaitPrevious() {
  emulator::Block::current().beginKernel();
}

inline void afterPrevious() {
  awaitPrevious();
}

inline void letNextStart() {}

inline void prefetchL2(const void*) {}

inline uint32_t packHalfs(float low, float high) {
  return static_cast<uint32_t>(floatToHalf(high)) << 16 | floatToHalf(low);
}

inline uint32_t packBFloats(float low, float high) {
  return static_cast<uint32_t>(floatToBFloat(high)) << 16 | floatToBFloat(low);
}

inline uint32_t maskedOr(uint32_t a, uint32_t mask, uint32_t bits) {
  return (a & mask) | bits;
}

inline uint32_t subtractHalfs(uint32_t a, uint32_t b) {
  const auto half = [](uint32_t pair, int shift) { return halfToFloat(static_cast<uint16_t>(pair >> shift)); };
  return packHalfs(half(a, 0) - half(b, 0), half(a, 16) - half(b, 16));
}

inline uint32_t subtractBFloats(uint32_t a, uint32_t b) {
  const auto half = [](uint32_t pair, int shift) { return bfloatToFloat(static_cast<uint16_t>(pair >> shift)); };
  return packBFloats(half(a, 0) - half(b, 0), half(a, 16) - half(b, 16));
}

inline float largerOrNaN(float a, float b) {
  return a > b || a != a ? a : b;
}

inline float exp2Approximate(float x) {
  const float power = exp2f(x);
  return power < 0x1p-126f ? 0.0f : power;
}

inline void mmaBFloat(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulator::multiply(d, a, b, emulator::multiplyBFloat);
}

inline void mmaHalf(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulator::multiply(d, a, b, emulator::multiplyHalf);
}

inline void loadMatrices(uint32_t (&fragment)[4], const void* row) {
  emulator::load(fragment, row, emulator::loadRows);
}

inline void loadMatricesTransposed(uint32_t (&fragment)[4], const void* row) {
  emulator::load(fragment, row, emulator::loadColumns);
}

inline uint32_t transposeMatrix(uint32_t pair) {
  return emulator::transpose(pair);
}

inline void copyAsync(void* shared, const void* source, bool present = true) {
  emulator::requireAligned(shared, "the destination of copyAsync");
  emulator::requireAligned(source, "the source of copyAsync");
  emulator::Block::current().copies().begin(shared, present ? source : nullptr);
}

inline void endCopies() {
  emulator::Block::current().copies().endGroup();
}

template <int groups>
void copiesLeft() {
  emulator::Block::current().copies().wait(groups);
}

inline uint4 loadStreaming(const void* address) {
  emulator::requireAligned(address, "the source of loadStreaming");
  return *static_cast<const uint4*>(address);
}

}  // namespace whittle::cuda
