// A tensor's bytes in pieces of bounded size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../runtime/poison.h"

namespace whittle::cuda {

// `rows` pieces of `width` bytes, `stride` apart.
struct StridedPiece {
  const uint8_t* source;
  size_t rows;
  size_t width;
  size_t stride;

  size_t bytes() const { return rows * width; }
};

// Calls visit(piece) for each, in order; none is larger than `largest`.
template <typename Visit>
void eachPiece(const Extent& extent, size_t largest, Visit&& visit) {
  if (extent.rows <= 0 || extent.rowBytes <= 0) return;
  const auto* source = reinterpret_cast<const uint8_t*>(extent.address);
  // Rows that overlap are copied one by one; CUDA would refuse them.
  const bool apart = extent.strideBytes > extent.rowBytes;
  const size_t rows = extent.dense() ? 1 : static_cast<size_t>(extent.rows);
  const auto width = static_cast<size_t>(extent.dense() ? extent.rows * extent.rowBytes : extent.rowBytes);
  const auto stride = static_cast<size_t>(extent.strideBytes);
  const size_t rowsAtOnce = apart ? std::max<size_t>(1, largest / width) : 1;
  for (size_t row = 0; row < rows; row += rowsAtOnce) {
    const uint8_t* first = source + row * stride;
    if (width <= largest) {
      visit(StridedPiece{first, std::min(rowsAtOnce, rows - row), width, stride});
      continue;
    }
    for (size_t at = 0; at < width; at += largest) visit(StridedPiece{first + at, 1, std::min(largest, width - at), stride});
  }
}

}  // namespace whittle::cuda
