// x rounded to bf16, as the products of `linear.bf16` and the ops that fuse it read it.
#pragma once

#include "elementwise.h"
#include "rounded-row.h"
#include "scratch.h"

#ifdef WHITTLE_AMX
#include "tile-product.h"
#endif

namespace WHITTLE_KERNEL_NAMESPACE {

// What rounded rows are: bf16 where an instruction multiplies these, else f32 that bf16 holds.
#if defined(WHITTLE_AMX)
using Rounded = Bf16Tiles;
#else
#if defined(WHITTLE_AVX512_BF16)
using Rounded = Bf16Pairs;
#else
using Rounded = F32;
#endif

inline int64_t roundedElements(const Tensor& x) {
  return x.rows() * x.columns() + 1;
}

inline void roundRows(const Call& call, const Tensor& x, Rounded::Stored* y) {
  forRows(call, x.rows(), 2 * x.columns(), [&](int64_t row) { roundRow(x.row<const float>(row), y + row * x.columns(), x.columns()); });
}
#endif

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
  Rounded::Stored* const rounded = scratch.get(roundedElements(x));
  roundRows(call, x, rounded);
  tensors[0].data = rounded;
  Call roundedCall = call;
  roundedCall.tensors = tensors;
  return body(roundedCall);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
