// Products of coded rows with weights in blocks, shared out over threads, for `linear.q8` and the ops that fuse it.
//
// As stored, the weight comes from memory once: past one row of x as four streams where there is a way (code-stream.h), else kLanes rows at
// a time. One tile of rows of x (decoding) meets them in registers. Of many (a prompt), each tile stays in the first-level cache while
// several unpacked panels pass from the second-level cache.
#pragma once

#include "code-stream-k.h"
#ifdef WHITTLE_AMX
#include "code-tile-amx.h"
#endif

namespace WHITTLE_KERNEL_NAMESPACE {

// Work that is worth another thread, in multiply-adds of one row; bringing a code from memory costs about as much as so many.
constexpr int64_t kCodesWorthAThread = 1024 * 1024;
constexpr int64_t kCodesFetchCost = 7;
// Parts of the work for each thread, so that one slow thread does not hold up the rest.
constexpr int64_t kPartsAThread = 4;
// Blocks of a panel: a tile of so many blocks of x stays in the first-level cache while panels pass.
constexpr int64_t kPanelBlocks = 64;
// Panels side by side in the second-level cache: at most so many, and at most of so many bytes of the weight as stored.
constexpr int64_t kPanels = 8;
constexpr int64_t kPanelsStored = 320 * 1024;
// Bytes between a group of rows that is multiplied and the one that is asked for, at least. Tuned on a Zen 5 at 288 to 5632 columns of
// q4_0.
constexpr int64_t kAheadBytes = 12 * 1024;

// Bytes that kLanes rows of the weight take.
template <typename Format>
constexpr int64_t storedBytes(int64_t blocks) {
  return kLanes * blocks / Coded<Format>::together * static_cast<int64_t>(sizeof(typename Format::Stored));
}

template <typename Format>
WHITTLE_INLINE PanelRows<Format> panelRows(const Product<Format>& product, int64_t out) {
  return {{product.w[out], product.w.stride}, smaller(kLanes, product.outs - out)};
}

// Groups of rows that lie between what is multiplied and what is asked for: memory takes longer to answer than a thread takes for short
// rows.
template <typename Format>
constexpr int64_t groupsAhead(int64_t blocks) {
  return 1 + kAheadBytes / (storedBytes<Format>(blocks) + 1);
}

// One tile of x times kLanes rows of the weight: unpacked block by block into registers, while rows to come are asked for.
template <int R, typename Format>
inline void streamGroup(const CodedTile& x, int64_t blocks, const Product<Format>& product, int64_t out) {
  constexpr int64_t together = Coded<Format>::together;
  const PanelRows<Format> rows = panelRows(product, out);
  const char* ahead = reinterpret_cast<const char*>(product.w[out + groupsAhead<Format>(blocks) * kLanes]);
  TileSums<R, Format> tile(x, product, out);
  tile.begin();
  for (int64_t b = 0; b < blocks; b += together, ahead += storedBytes<Format>(together)) {
    PanelBlock<Format> panel[together];
    Coded<Format>::unpack(rows, b, panel);
    codeTile<R>(x.from(b, Coded<Format>::units), panel, together, {ahead, storedBytes<Format>(1)}, tile.sums);
  }
  tile.end();
}

// Asks for the groups from `from` on that `streamGroup` finds nobody has asked for, unless this thread has just come from there.
template <typename Format>
inline void askForFirst(const Product<Format>& product, int64_t blocks, int64_t from, int64_t to) {
  static thread_local const void* reached = nullptr;
  if (from < to && reached != product.w[from * kLanes]) {
    const int64_t groups = smaller(groupsAhead<Format>(blocks), to - from);
    Ahead(product.w[from * kLanes], groups * storedBytes<Format>(blocks)).fetch();
  }
  reached = product.w[to * kLanes];
}

// Several tiles of x times some groups of kLanes rows: unpacked into panels first.
template <typename Format>
inline void multiplyPanels(const CodedRows& x, int64_t firstTile, int64_t lastTile, const Product<Format>& product, int64_t from,
                           int64_t to) {
  static thread_local Scratch<PanelBlock<Format>> scratch;
  PanelBlock<Format>* const panels = scratch.get(kPanels * kPanelBlocks);
  const int64_t groupBytes = storedBytes<Format>(x.blocks()), tiles = lastTile - firstTile;
  const int64_t side = groupBytes * kPanels <= kPanelsStored ? kPanels : 1 + kPanelsStored / groupBytes;
  for (int64_t first = from; first < to; first += side) {
    const int64_t count = smaller(side, to - first);
    for (int64_t block = 0; block < x.blocks(); block += kPanelBlocks) {
      const int64_t blocks = smaller(kPanelBlocks, x.blocks() - block);
      for (int64_t g = 0; g < count; g++) {
        const PanelRows<Format> rows = panelRows(product, (first + g) * kLanes);
        for (int64_t b = 0; b < blocks; b += Coded<Format>::together) Coded<Format>::unpack(rows, block + b, panels + g * kPanelBlocks + b);
      }
      // Each tile asks for its share of what these panels will hold next.
      const int64_t share = storedBytes<Format>(blocks) / tiles;
      for (int64_t t = 0; t < tiles; t++) {
        const CodedTile tile = x.tile(firstTile + t, block);
        // Of several tiles none is less than half full.
        withRowCount<kCodedTile / 2>(tile.rows, [&](auto rowCount) {
          constexpr int R = rowCount();
          const PanelProduct<R, Format> multiply;
          for (int64_t g = 0; g < count; g++) {
            const int64_t out = (first + g) * kLanes;
            const char* ahead = reinterpret_cast<const char*>(product.w[out + side * kLanes]) + storedBytes<Format>(block) + t * share;
            TileSums<R, Format> sums(tile, product, out);
            if (block == 0) {
              sums.begin();
            } else {
              sums.goOn();
            }
            multiply(tile, panels + g * kPanelBlocks, blocks, {ahead, share / blocks + 1}, sums.sums);
            if (block + blocks == x.blocks()) {
              sums.end();
            } else {
              sums.wait();
            }
          }
        });
      }
    }
  }
}

// Some tiles of x times some groups of kLanes rows of the weight.
template <typename Format>
inline void multiplyGroups(const CodedRows& x, int64_t firstTile, int64_t lastTile, const Product<Format>& product, int64_t from,
                           int64_t to) {
  // Products of no blocks are zero: the way of one tile knows.
  if (lastTile - firstTile > 1 && x.blocks() > 0) return multiplyPanels(x, firstTile, lastTile, product, from, to);
  if constexpr (kStreamed<Format>) {
    if (x.rows() == 1 && fitsStreams<Format>(x.blocks())) {
      return streamOneRow(x.tile(firstTile), x.blocks(), product, from * kLanes, smaller(to * kLanes, product.outs));
    }
  }
  askForFirst(product, x.blocks(), from, to);
  for (int64_t t = firstTile; t < lastTile; t++) {
    const CodedTile tile = x.tile(t);
    withRowCount(tile.rows, [&](auto rows) {
      for (int64_t g = from; g < to; g++) streamGroup<rows()>(tile, x.blocks(), product, g * kLanes);
    });
  }
}

// Calls body(first tile, last tile, first group, last group) for parts of the work of `groups` groups, in parallel.
template <typename Body>
inline void forParts(const Call& call, const CodedRows& x, int64_t groups, Body&& body) {
  const int64_t work = (x.rows() + kCodesFetchCost) * x.blocks() * kBlockCodes * groups * kLanes;
  const int64_t threads = work < kCodesWorthAThread ? 1 : call.workers.threads();
  // As many for each thread.
  const int64_t wanted = threads * smaller(1 + work / (kCodesWorthAThread * threads), kPartsAThread);
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

// What multiplies with `weight`, of `Format`, into y.
template <typename Format>
inline Product<Format> productInto(const Tensor& weight, const float* bias, const Tensor& y) {
  const Rows<Format> w{static_cast<const typename Format::Stored*>(weight.data), weight.rowStride / blockElementsOf(Format::dtype)};
  return {w, bias, y.columns(), y.row<float>(0), y.rowStride};
}

// What a product of tensor 0 with `weights` weights, the tensors behind it, begins with. A prompt's arithmetic takes longer than memory.
template <int32_t weights>
inline Upcoming codedBeginning(const Call& call) {
  Upcoming upcoming;
  if (call[0].rows() > kCodedTile) return upcoming;
  withCodedFormat(call[1].dtype,
                  [&]<typename Format>(Format) { upcoming.streams = kStreamed<Format> && call[0].rows() == 1 ? kStreams : 1; });
  for (int32_t i = 1; i <= weights; i++) upcoming.add(call[i]);
  return upcoming;
}

// All of `count` products with the rows of x, which are rounded once, shared out together.
template <typename Format>
inline void multiplyAll(const Call& call, const Tensor& x, const Product<Format>* products, int32_t count) {
  int64_t groups = 0;
  for (int32_t i = 0; i < count; i++) groups += products[i].groups();
  if (x.rows() == 0 || groups == 0) return;
  withCodedRows<Format>(call, x, [&](const CodedRows& coded) {
    forParts(call, coded, groups, [&](int64_t firstTile, int64_t lastTile, int64_t from, int64_t to) {
      for (int32_t i = 0; i < count && to > 0; i++) {
        const int64_t own = products[i].groups();
        if (from < own) multiplyGroups(coded, firstTile, lastTile, products[i], from, smaller(to, own));
        from = from < own ? 0 : from - own;
        to -= own;
      }
    });
  });
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
