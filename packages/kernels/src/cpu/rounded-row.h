// A row rounded to bf16: core's linear-bf16.ts has the rule.
#pragma once

#include "convert.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// To the nearest, ties to even, by the bits: so that subnormal numbers are rounded too, which the instruction would take for zero.
WHITTLE_INLINE VecInt roundedBits(Vec v) {
  const VecInt nan = v != v;
  const VecInt bits = floatToBits(v) & ~nan;
  return ((bits + 0x7fff + ((bits >> 16) & 1)) & static_cast<int32_t>(0xffff0000)) | (nan & 0x7fc00000);
}

WHITTLE_INLINE void storeRounded(float* y, VecInt bits) {
  store(y, bitsToFloat(bits));
}
#ifdef WHITTLE_AVX512_BF16
WHITTLE_INLINE void storeRounded(uint16_t* y, VecInt bits) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm512_cvtepi32_epi16(_mm512_srli_epi32(reinterpret_cast<__m512i>(bits), 16)));
}
#endif

// Stored: float or, with AVX512-BF16, uint16_t.
template <typename Stored>
inline void roundRow(const float* x, Stored* y, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) storeRounded(y + i, roundedBits(load(x + i)));
  if (i == count) return;
  Stored last[kLanes];
  storeRounded(last, roundedBits(loadPart(x + i, count - i)));
  std::memcpy(y + i, last, static_cast<size_t>(count - i) * sizeof(Stored));
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
