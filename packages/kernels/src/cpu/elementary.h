// Elementary functions over vectors, with their accuracy as measured against float64 over every 61st float (u = 2⁻²⁴). NaN gives NaN
// throughout.
#pragma once

#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// eˣ to 1.1 units in the last place; gradual underflow to 0 below −103.97, infinity above 88.72.
// x = n·ln 2 + r with |r| ≤ ln 2 / 2, ln 2 in two parts (Cody & Waite); a polynomial for eʳ.
WHITTLE_INLINE Vec exponential(Vec x) {
  const Vec clamped = larger(splat(-105.0f), x);
  const Vec bounded = clamped > splat(89.0f) ? splat(89.0f) : clamped;
  const Vec shifter = splat(0x1.8p23f);
  const Vec shifted = multiplyAdd(bounded, splat(0x1.715476p0f), shifter);
  const Vec n = shifted - shifter;
  Vec r = multiplyAdd(n, splat(-0x1.62e4p-1f), bounded);
  r = multiplyAdd(n, splat(-0x1.7f7d1cp-20f), r);
  Vec p = splat(0x1.a01a02p-13f);
  p = multiplyAdd(p, r, splat(0x1.6c16c2p-10f));
  p = multiplyAdd(p, r, splat(0x1.111112p-7f));
  p = multiplyAdd(p, r, splat(0x1.555556p-5f));
  p = multiplyAdd(p, r, splat(0x1.555556p-3f));
  p = multiplyAdd(p, r, splat(0.5f));
  p = multiplyAdd(p, r * r, r) + splat(1.0f);
  return timesPowerOfTwo(p, n);
}

WHITTLE_INLINE float exponential(float x) {
  return exponential(splat(x))[0];
}

// z / (1 + e⁻ᶻ) to 2.3 units in the last place; 0 where e⁻ᶻ overflows (z < −88.7).
WHITTLE_INLINE Vec silu(Vec z) {
  return z / (splat(1.0f) + exponential(-z));
}

// z·Φ(z) in the tanh form: z/2·(1 + tanh u) = z / (1 + e⁻²ᵘ), which does not cancel. Absolute error below 3u·|z|.
WHITTLE_INLINE Vec geluTanh(Vec z) {
  const Vec twiceU = splat(1.5957691216f) * multiplyAdd(splat(0.044715f) * z * z, z, z);
  const Vec y = z / (splat(1.0f) + exponential(-twiceU));
  return z == splat(-__builtin_inff()) ? splat(0.0f) : y;
}

// z·Φ(z) with Φ from Abramowitz & Stegun 7.1.26 (|error of erf| ≤ 1.5e-7): absolute error below 6u·|z|.
WHITTLE_INLINE Vec geluErf(Vec z) {
  const Vec x = z * splat(0.70710678118f);
  const Vec magnitude = larger(x, -x);
  const Vec t = splat(1.0f) / multiplyAdd(splat(0.3275911f), magnitude, splat(1.0f));
  Vec p = splat(1.061405429f);
  p = multiplyAdd(p, t, splat(-1.453152027f));
  p = multiplyAdd(p, t, splat(1.421413741f));
  p = multiplyAdd(p, t, splat(-0.284496736f));
  p = multiplyAdd(p, t, splat(0.254829592f));
  const Vec tail = splat(0.5f) * p * t * exponential(-(magnitude * magnitude));
  const Vec phi = z < splat(0.0f) ? tail : splat(1.0f) - tail;
  return z == splat(-__builtin_inff()) ? splat(0.0f) : z * phi;
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
