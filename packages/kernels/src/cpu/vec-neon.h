// Four lanes: NEON, which every 64-bit Arm processor has.
#pragma once

#include "vec-four.h"

namespace WHITTLE_KERNEL_NAMESPACE {

WHITTLE_INLINE Vec load(const float* p) {
  return vld1q_f32(p);
}
WHITTLE_INLINE void store(float* p, Vec v) {
  vst1q_f32(p, v);
}
WHITTLE_INLINE Vec splat(float x) {
  return vdupq_n_f32(x);
}
WHITTLE_INLINE Vec multiplyAdd(Vec a, Vec b, Vec c) {
  return vfmaq_f32(c, a, b);
}
// The larger of the two; `b` where either is NaN. (Both of Arm's own maxima have another rule.)
WHITTLE_INLINE Vec larger(Vec a, Vec b) {
  return vbslq_f32(vcgtq_f32(a, b), a, b);
}
// Every second lane of a, then of b: from the first, or from the second on.
WHITTLE_INLINE Vec evenLanes(Vec a, Vec b) {
  return vuzp1q_f32(a, b);
}
WHITTLE_INLINE Vec oddLanes(Vec a, Vec b) {
  return vuzp2q_f32(a, b);
}
WHITTLE_INLINE bool any(VecInt mask) {
  return vmaxvq_u32(vreinterpretq_u32_s32(mask)) != 0;
}

// (v0+v1)+(v2+v3) of each: the one order in which lanes are ever summed.
WHITTLE_INLINE Vec4 sumLanes(Vec a, Vec b, Vec c, Vec d) {
  return vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d));
}
WHITTLE_INLINE float sumLanes(Vec a) {
  return vaddvq_f32(a);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
