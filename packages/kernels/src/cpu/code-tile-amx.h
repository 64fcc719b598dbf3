// Products of rows of codes with a panel of a weight by tiles of AMX: what code-tile.h does, the same bits.
//
// A panel lies as an instruction takes its second factor: four codes of each of its rows to a row of the tile. Each part of a block that
// has a scale is a product of its own, whose integers become floats with those of the next ones under way.
#pragma once

#include "code-tile.h"
#include "tile-amx.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Tiles: four of sums, then by turns two of x and two of a panel.
constexpr int kXTile = 4, kPanelTile = 6;

constexpr TileShapes codeShapes(int64_t rows, int64_t codes) {
  TileShapes shapes;
  for (int i = 0; i < kXTile; i++) shapes.set(i, rows, kTileRowBytes);
  for (int i = kXTile; i < kPanelTile; i++) shapes.set(i, rows, codes);
  for (int i = kPanelTile; i < 8; i++) shapes.set(i, codes / kCodesALane, kTileRowBytes);
  return shapes;
}

// Multiplies tiles of R rows with panels. While it lives, it has the thread's tiles.
template <int R, typename Format>
class PanelProduct {
 public:
  PanelProduct() : tiles_(codeShapes(R, kBlockCodes / Coded<Format>::units)) {}

  // As codeTile.
  WHITTLE_INLINE void operator()(const CodedTile& x, const PanelBlock<Format>* panel, int64_t blocks, Ahead ahead, Vec* sums) const {
    int64_t b = 0;
    for (; b + kTogether <= blocks; b += kTogether) multiplyBlocks<kTogether>(x.from(b, kUnits), panel + b, ahead, sums);
    // Where blocks are unpacked in eights, none is left.
    if constexpr (Coding::together % kTogether == 0) return;
    for (; b < blocks; b++) multiplyBlocks<1>(x.from(b, kUnits), panel + b, ahead, sums);
  }

 private:
  using Coding = Coded<Format>;
  static constexpr int kUnits = Coding::units;
  static constexpr int64_t kVectors = kCodeVecs / kUnits;
  // Blocks that are under way at once.
  static constexpr int kTogether = kXTile / kUnits;

  template <int count>
  WHITTLE_INLINE static void multiplyBlocks(CodedTile x, const PanelBlock<Format>* panel, Ahead& ahead, Vec* sums) {
    constexpr int parts = count * kUnits;
#pragma GCC unroll 1
    for (int i = 0; i < count; i++) ahead.fetch();
    // In no lambda, which would keep `sums` in memory.
    CodeVec whole[parts][R];
    multiplyPart<0>(x.codes, panel, whole[0]);
    if constexpr (parts > 1) multiplyPart<1>(x.codes, panel, whole[1]);
    if constexpr (parts > 2) {
      multiplyPart<2>(x.codes, panel, whole[2]);
      multiplyPart<3>(x.codes, panel, whole[3]);
    }
    WHITTLE_UNROLL
    for (int i = 0; i < parts; i++) {
      const int block = i / kUnits, unit = i % kUnits;
      WHITTLE_UNROLL
      for (int r = 0; r < R; r++) {
        const int32_t start = x.starts[i * R + r];
        const CodeVec sum = Coding::mins ? whole[i][r] : _mm512_add_epi32(whole[i][r], splatInt(start));
        sums[r] = addPart<Format>(toFloats(sum), x.scales[block * R + r], start, panel[block], unit, sums[r]);
      }
    }
  }

  // The integers of part i.
  template <int i>
  WHITTLE_INLINE static void multiplyPart(const XCode* codes, const PanelBlock<Format>* panel, CodeVec* whole) {
    constexpr int64_t block = i / kUnits, unit = i % kUnits, turn = i % 2;
    zeroTile<i>();
    loadTile<kXTile + turn>(codes + block * R * kBlockCodes + unit * kVectors * kCodesALane, kBlockCodes);
    loadTile<kPanelTile + turn>(panel[block].codes + unit * kVectors, kTileRowBytes);
    addByteProducts<i, kXTile + turn, kPanelTile + turn>();
    storeTile<i>(whole, kTileRowBytes);
  }

  Tiles tiles_;
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
