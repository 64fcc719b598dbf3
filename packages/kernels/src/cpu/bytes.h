// Elements and rows as bytes, for code that moves elements and never looks at them.
#pragma once

#include "kernel.h"

namespace whittle {

inline int64_t bytesOf(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f16:
    case DType::bf16:
      return 2;
    case DType::i8:
    case DType::u8:
      return 1;
  }
  return 0;
}

inline char* rowBytes(const Tensor& x, int64_t row) {
  return static_cast<char*>(x.data) + row * x.rowStride * bytesOf(x.dtype);
}

}  // namespace whittle
