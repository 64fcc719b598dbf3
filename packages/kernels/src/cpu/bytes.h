// Rows as bytes, for ops that move elements and never look at them.
#pragma once

#include "kernel.h"

namespace WHITTLE_KERNEL_NAMESPACE {

inline int64_t bytesOf(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f16:
    case DType::bf16:
      return 2;
    default:
      return 1;
  }
}

inline char* rowBytes(const Tensor& x, int64_t row) {
  return static_cast<char*>(x.data) + row * x.rowStride * bytesOf(x.dtype);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
