// Products of coded rows with weights in blocks, shared out over threads, for `linear.q8` and the ops that fuse it.
//
// kLanes rows of the weight at a time are unpacked into a panel, a stretch of blocks after the other, and meet all rows of x there: as
// stored, the weight comes from memory once. Where there are many rows, several panels stay in the second-level cache, past which tiles of x go,
// each from the first-level cache.
#pragma once

#include "code-tile.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Work that is worth another thread, in multiply-adds of one row; bringing a code from memory costs about as much as so many.
constexpr int64_t kCodesWorthAThread = 1024 * 1024;
constexpr int64_t kCodesFetchCost = 7;
// Parts of the work for each thread, so that one slow thread does not hold up the rest.
constexpr int64_t kPartsAThread = 4;
// Blocks of a panel: for one tile of rows, panel and tile together stay in the first-level cache; for more, the tile does.
constexpr int64_t kShortPanel = 32;
constexpr int64_t kLongPanel = 64;
// Panels side by side.
constexpr int64_t kPanels = 8;

// Asks for as much of the next kLanes rows as is unpacked of these, so that it is there when its turn comes. In the order of addresses:
// memory gives one stream faster than sixteen.
template <typename Format>
WHITTLE_INLINE void fetchAhead(const char* next, int64_t block) {
  constexpr int64_t together = Coded<Format>::together, bytes = kLanes * sizeof(typename Format::Stored);
  const char* const end = next + (block / together + 1) * bytes;
  for (const char* at = end - bytes; at < end; at += 64) __builtin_prefetch(at, 0, 2);
}

// Some tiles of x times some groups of kLanes rows of the weight.
template <typename Format>
inline void multiplyGroups(const CodedRows& x, int64_t firstTile, int64_t lastTile, const Product<Format>& product, int64_t from, int64_t to) {
  static thread_local Scratch<PanelBlock<Format>> scratch;
  const bool many = lastTile - firstTile > 1;
  const int64_t length = many ? kLongPanel : kShortPanel, side = many ? kPanels : 1;
  PanelBlock<Format>* const panels = scratch.get(side * length);
  for (int64_t first = from; first < to; first += side) {
    const int64_t count = smaller(side, to - first);
    // At least once: products of no blocks are zero.
    int64_t block = 0;
    do {
      const int64_t blocks = smaller(length, x.blocks() - block);
      for (int64_t g = 0; g < count; g++) {
        const int64_t out = (first + g) * kLanes;
        const PanelRows<Format> rows({product.w[out], product.w.stride}, smaller(kLanes, product.outs - out));
        const char* next = reinterpret_cast<const char*>(product.w[out + kLanes]);
        for (int64_t b = 0; b < blocks; b += Coded<Format>::together) {
          fetchAhead<Format>(next, block + b);
          Coded<Format>::unpack(rows, block + b, panels + g * length + b);
        }
      }
      for (int64_t t = firstTile; t < lastTile; t++) {
        const CodedTile tile = x.tile(t, block);
        for (int64_t g = 0; g < count; g++) {
          tileOfRows(tile, panels + g * length, blocks, product, (first + g) * kLanes, block == 0, block + blocks == x.blocks());
        }
      }
      block += blocks;
    } while (block < x.blocks());
  }
}

// Calls body(first tile, last tile, first group, last group) for parts of the work of `groups` groups, in parallel.
template <typename Body>
inline void forParts(const Call& call, const CodedRows& x, int64_t groups, Body&& body) {
  const int64_t work = (x.rows() + kCodesFetchCost) * x.blocks() * kBlockCodes * groups * kLanes;
  const int64_t wanted = smaller(1 + work / kCodesWorthAThread, call.workers.threads() * kPartsAThread);
  // Rows are parted only where there are too few outputs: each part unpacks its panels anew.
  const int64_t columns = smaller(wanted, groups), rows = smaller((wanted + columns - 1) / columns, x.tiles());
  call.workers.parallelFor(rows * columns, 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const int64_t row = i / columns, column = i % columns;
      body(row * x.tiles() / rows, (row + 1) * x.tiles() / rows, column * groups / columns, (column + 1) * groups / columns);
    }
  });
}

// Rounds x and calls body(coded rows). One call at a time on a thread.
template <typename Format, typename Body>
inline void withCodedRows(const Call& call, const Tensor& x, Body&& body) {
  static thread_local Scratch<XCode> codes;
  static thread_local Scratch<float> scales;
  static thread_local Scratch<int32_t> starts;
  const CodedRows coded(x.rows(), x.columns() / kBlockCodes, Coded<Format>::units, codes, scales, starts);
  encodeRows<Coded<Format>>(call, x, coded);
  body(coded);
}

template <typename Format>
inline Product<Format> productInto(Rows<Format> w, const float* bias, const Tensor& y) {
  return {w, bias, y.columns(), y.row<float>(0), y.rowStride};
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
