// x rounded to bf16, as the products of `linear.bf16` and the ops that fuse it read it: core's linear-bf16.ts has the rule.
#pragma once

#include "elementwise.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// What rounded rows are: bf16 where an instruction multiplies these, else f32 that bf16 holds.
#ifdef WHITTLE_AVX512_BF16
using Rounded = Bf16Pairs;
#else
using Rounded = F32;
#endif

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

inline void roundRow(const float* x, Rounded::Stored* y, int64_t count) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) storeRounded(y + i, roundedBits(load(x + i)));
  if (i == count) return;
  Rounded::Stored last[kLanes];
  storeRounded(last, roundedBits(loadPart(x + i, count - i)));
  std::memcpy(y + i, last, static_cast<size_t>(count - i) * sizeof(Rounded::Stored));
}

// Calls body(call) with a call whose first tensor is rounded.
template <typename Body>
inline bool withRoundedRows(const Call& call, Body&& body) {
  constexpr int32_t most = 16;
  if (call.tensorCount > most) return call.fail("%d tensors, more than %d", call.tensorCount, most);
  static thread_local Scratch<Rounded::Stored> scratch;
  const Tensor& x = call[0];
  Tensor tensors[most];
  for (int32_t i = 0; i < call.tensorCount; i++) tensors[i] = call[i];
  tensors[0].dtype = Rounded::dtype;
  tensors[0].rowStride = x.columns();
  tensors[0].data = scratch.get(x.rows() * x.columns() + 1);
  forRows(call, x.rows(), 2 * x.columns(),
          [&](int64_t row) { roundRow(x.row<const float>(row), tensors[0].row<Rounded::Stored>(row), x.columns()); });
  Call rounded = call;
  rounded.tensors = tensors;
  return body(rounded);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
