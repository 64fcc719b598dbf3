// Rows of x rounded to bf16, packed as tiles of AMX take a second factor: kTileDepth columns of up to 16 rows, a pair of columns to a row
// of the tile, in which each row of x has four bytes.
#pragma once

#include "code-transpose.h"
#include "elementwise.h"
#include "rounded-row.h"
#include "tile-amx.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// What x is read as; a weight beside it is bf16 as stored.
struct Bf16Tiles {
  using Stored = uint16_t;
  static constexpr DType dtype = DType::bf16;
};

constexpr int64_t kTileDepth = kTileRowBytes / 2;

class RoundedTiles {
 public:
  RoundedTiles(const uint16_t* data, int64_t rows, int64_t depth) : data_(data), rows_(rows), depth_(depth) {}
  // A tensor that `roundRows` has filled.
  explicit RoundedTiles(const Tensor& x) : RoundedTiles(x.row<const uint16_t>(0), x.rows(), x.columns()) {}

  int64_t rows() const { return rows_; }
  int64_t depth() const { return depth_; }
  // Rows of x that share a tile; the last tile's may be fewer, it is filled up with rows that do not count.
  int64_t width() const { return smaller(kTileRows, rows_); }
  int64_t groups() const { return rows_ == 0 ? 0 : (rows_ + kTileRows - 1) / kTileRows; }
  int64_t steps() const { return (depth_ + kTileDepth - 1) / kTileDepth; }
  int64_t tileElements() const { return kTileDepth * width(); }
  int64_t elements() const { return groups() * steps() * tileElements(); }
  const uint16_t* tile(int64_t group, int64_t step) const { return data_ + (group * steps() + step) * tileElements(); }

 private:
  const uint16_t* data_;
  int64_t rows_, depth_;
};

inline int64_t roundedElements(const Tensor& x) {
  return RoundedTiles(x).elements() + 1;
}

// One tile, the columns beyond the last one zero.
inline void roundTile(const Tensor& x, const RoundedTiles& tiles, int64_t group, int64_t step, uint16_t* y) {
  alignas(64) uint16_t rows[kTileRows][kTileDepth];
  const int64_t first = group * kTileRows, width = tiles.width(), column = step * kTileDepth;
  const int64_t columns = smaller(kTileDepth, tiles.depth() - column);
  for (int64_t i = 0; i < width; i++) {
    roundRow(x.row<const float>(smaller(first + i, tiles.rows() - 1)) + column, rows[i], columns);
    std::memset(rows[i] + columns, 0, static_cast<size_t>(kTileDepth - columns) * sizeof(uint16_t));
  }
  const __mmask16 present = static_cast<__mmask16>((uint32_t{1} << width) - 1);
  constexpr int64_t pairs = kTileDepth / 2, together = 4;
  for (int64_t pair = 0; pair < pairs; pair += together) {
    CodeVec packed[together];
    gather16([&](int i) { return rows[smaller(i, width - 1)] + 2 * pair; }, packed);
    for (int64_t i = 0; i < together; i++) _mm512_mask_storeu_epi32(y + 2 * (pair + i) * width, present, packed[i]);
  }
}

// `y` holds roundedElements(x).
inline void roundRows(const Call& call, const Tensor& x, uint16_t* y) {
  const RoundedTiles tiles(y, x.rows(), x.columns());
  forRows(call, tiles.groups() * tiles.steps(), 2 * tiles.tileElements(),
          [&](int64_t index) { roundTile(x, tiles, index / tiles.steps(), index % tiles.steps(), y + index * tiles.tileElements()); });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
