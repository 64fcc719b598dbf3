// The order that cuts a vocabulary: larger logit first, then lower id.
#pragma once

#include <cstdint>

#include "logits-row.cuh"
#include "reduce.cuh"

namespace whittle::cuda {

// Where a logit stands in the order, as a number that no two ids of a row share. NaN stands nowhere.
using Place = unsigned long long;
constexpr Place nowhere = ~Place{0};

// Bits that rise as a number falls; 0 and -0 have the same.
__device__ inline uint32_t fallingBits(float x) {
  const uint32_t bits = __float_as_uint(x + 0.0f);
  return bits & 0x80000000u ? bits : ~(bits | 0x80000000u);
}

__device__ inline float ofFallingBits(uint32_t falling) {
  return __uint_as_float(falling & 0x80000000u ? falling : ~falling & 0x7fffffffu);
}

// The largest number of a row and where it first stands; id -1 if there is none. All threads get it.
__device__ inline LogitsExtent extentOfRow(const LogitsExtent& share) {
  const Place own = share.id < 0 ? nowhere : Place{fallingBits(share.largest)} << 32 | static_cast<uint32_t>(share.id);
  const Place first = blockReduce(own, nowhere, [](Place a, Place b) { return a < b ? a : b; });
  LogitsExtent extent;
  if (first == nowhere) return extent;
  extent.largest = ofFallingBits(static_cast<uint32_t>(first >> 32));
  extent.id = static_cast<int>(first & 0xffffffffu);
  extent.least = blockReduce(share.least, INFINITY, [](float a, float b) { return fminf(a, b); });
  return extent;
}

// Makes places of a row's logits. The uppermost bits say how far a logit is below the largest, in equal steps: so the first cuts of a range of places
// part logits evenly, which the bits of floats do not. The logit's own bits follow and then the id's.
class Order {
 public:
  // Logits further than `reach` below the largest share the last step.
  __device__ Order(const LogitsExtent& extent, int columns, float reach) {
    constexpr int mostStepBits = 10;
    idBits_ = 32 - __clz(columns - 1);
    largest_ = extent.largest;
    steps_ = static_cast<float>((1 << (32 - idBits_ < mostStepBits ? 32 - idBits_ : mostStepBits)) - 1);
    const float span = fminf(largest_ - extent.least, reach);
    scale_ = span > 0 ? steps_ / span : 0.0f;
  }

  // Never falls as the logit falls. An infinite maximum shares its step with nothing less.
  __device__ float step(float x) const { return x == largest_ ? 0.0f : fminf((largest_ - x) * scale_, steps_); }

  __device__ Place place(float step, float x, int id) const {
    return Place{static_cast<uint32_t>(step)} << (32 + idBits_) | Place{fallingBits(x)} << idBits_ | static_cast<uint32_t>(id);
  }
  __device__ Place place(float x, int id) const { return place(step(x), x, id); }

  // No place lies behind it.
  __device__ Place end() const { return (Place{static_cast<uint32_t>(steps_)} << (32 + idBits_)) + ((Place{1} << (32 + idBits_)) - 1); }

  // The whole steps that a place lies behind.
  __device__ float stepOf(Place place) const { return static_cast<float>(static_cast<uint32_t>(place >> (32 + idBits_))); }
  __device__ float logitOf(Place place) const { return ofFallingBits(static_cast<uint32_t>(place >> idBits_)); }
  __device__ int idOf(Place place) const { return static_cast<int>(place & ((Place{1} << idBits_) - 1)); }

 private:
  float largest_;
  float steps_;
  float scale_;
  int idBits_;
};

}  // namespace whittle::cuda
