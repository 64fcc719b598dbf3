// What the quantisers of all block formats share. Core's quantise.ts and quantise-k.ts are the specification, byte for byte: every sum here
// is taken in their order, and what they leave to JavaScript's conversions of NaN is written out.
#pragma once

#include "blocks.h"

namespace WHITTLE_KERNEL_NAMESPACE {

WHITTLE_INLINE Vec chosen(VecInt mask, Vec yes, Vec no) {
  return mask ? yes : no;
}
WHITTLE_INLINE Vec absolute(Vec v) {
  return bitsToFloat(floatToBits(v) & 0x7fffffff);
}

// The nearest integer between the two, ties to even; NaN stays NaN. The sum rounds to integers up to 2^22, and what lies beyond is out of
// range after it as well.
WHITTLE_INLINE Vec nearestWithin(Vec v, float least, float most) {
  constexpr float magic = 0x1.8p23f;
  const Vec rounded = v + splat(magic) - splat(magic);
  const Vec above = chosen(rounded < splat(least), splat(least), rounded);
  return chosen(above > splat(most), splat(most), above);
}

// NaN as a byte of an array in JavaScript: 0.
WHITTLE_INLINE Vec zeroIfNaN(Vec v) {
  return chosen(v == v, v, splat(0.0f));
}

// The nearest integer of a number of any size, ties to even; exact as a float, since larger ones are integers anyway.
WHITTLE_INLINE float nearestInteger(float x) {
  constexpr float magic = 0x1.8p23f;
  return x > -0x1p22f && x < 0x1p22f ? x + magic - magic : x;
}
WHITTLE_INLINE float atMost(float x, float most) {
  return x > most ? most : x;
}
// The lowest 8 bits of an integer, as JavaScript takes them: of NaN, infinities and what has none of that size, 0.
WHITTLE_INLINE uint8_t lowByte(float integer) {
  if (!(integer > -0x1p31f && integer < 0x1p31f)) return 0;
  return static_cast<uint8_t>(static_cast<int32_t>(integer));
}

WHITTLE_INLINE bool allFinite(const float* x, int64_t count) {
  int32_t largest = 0;
  for (int64_t i = 0; i < count; i++) {
    const auto magnitude = static_cast<int32_t>(floatToBits(x[i]) & 0x7fffffff);
    largest = magnitude > largest ? magnitude : largest;
  }
  return largest < 0x7f800000;
}

// `count` runs of N elements, a lane each: as many as a vector has, the others zeros.
template <int N>
WHITTLE_INLINE void gatherRuns(const float* x, int64_t count, Vec* lanes) {
  float* place = reinterpret_cast<float*>(lanes);
  for (int64_t run = 0; run < kLanes; run++) {
    for (int i = 0; i < N; i++) place[i * kLanes + run] = run < count ? x[run * N + i] : 0.0f;
  }
}
template <int N>
WHITTLE_INLINE void scatterRuns(const Vec* lanes, int64_t count, float* x) {
  const float* place = reinterpret_cast<const float*>(lanes);
  for (int64_t run = 0; run < count; run++) {
    for (int i = 0; i < N; i++) x[run * N + i] = place[i * kLanes + run];
  }
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
