// What the product after the one at work reads first.
#pragma once

#include <cstdint>

#include "tensor.h"

namespace whittle {

// Weights whose rows a loop is over, one weight after the other. Each is read as `streams` streams, such a part of its rows apart.
struct Upcoming {
  static constexpr int32_t most = 3;
  struct Weight {
    uint64_t address = 0;
    int64_t rowBytes = 0, rows = 0;
  };

  Weight weights[most];
  int32_t count = 0;
  int32_t streams = 1;

  void add(const Tensor& weight) {
    weights[count++] = {reinterpret_cast<uintptr_t>(weight.data), bytesOf(weight.dtype, weight.rowStride), weight.rows()};
  }
};

}  // namespace whittle
