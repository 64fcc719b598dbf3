// Rows as bytes, for code that moves elements and never looks at them.
#pragma once

#include "kernel.h"

namespace whittle {

inline char* rowBytes(const Tensor& x, int64_t row) {
  return static_cast<char*>(x.data) + bytesOf(x.dtype, row * x.rowStride);
}

}  // namespace whittle
