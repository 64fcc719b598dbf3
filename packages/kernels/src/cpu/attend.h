// Attention of rows over lists of keys, whatever the layout: rows that share their keys go tile by tile through the same block, and where
// there are fewer blocks than threads the tiles of one block are spread over them.
#pragma once

#include "attend-tile.h"

namespace WHITTLE_KERNEL_NAMESPACE {

struct AttendShape {
  int64_t heads;
  int64_t kvHeads;
  int64_t headDim;
  int64_t valueDim;
  float scale;

  // Query heads that share a key head.
  int64_t group() const { return heads / kvHeads; }
  int64_t keyStride() const { return roundUp(headDim, kLanes); }
  int64_t valueStride() const { return roundUp(valueDim, kLanes); }
  // Key heads that go through a tile one after the other: as many as a part of the second-level cache holds.
  int64_t headsTogether() const {
    const int64_t fit = 400 * 1024 / (4 * kTile * (keyStride() + valueStride() + 1));
    const int64_t parts = (kvHeads + (fit < 1 ? 0 : fit - 1)) / (fit < 1 ? 1 : fit);
    return (kvHeads + parts - 1) / parts;
  }
};

// Consecutive rows that see the same list of keys, each a leading part of it.
struct RowBlock {
  int64_t first;
  int64_t rows;
  // Keys that the row sees which sees most.
  int64_t keys;

  int64_t tiles() const { return (keys + kTile - 1) / kTile; }
};

// Rows that go through a tile together: enough queries to pay for fetching it, few enough for their logits and sums to stay close.
inline int64_t rowsPerBlock(const AttendShape& shape) {
  return shape.group() >= 24 ? 1 : 24 / shape.group();
}

// A source of keys has a `Format`, the tensors `keys` and `values` of stored rows, and says
//   int64_t count(row): how many keys a row sees, and
//   eachRun(block, first, count, visit): calls visit(place, at, run) for the keys [first, first + count) of the block's list, `run` of them
//   from `place` on (counted from `first`) standing in the rows from `at` on.
template <typename Source>
class Attend {
  using Format = typename Source::Format;
  using Stored = typename Format::Stored;

 public:
  Attend(const Call& call, const Source& source, const AttendShape& shape, const Tensor& q, const Tensor& out, const Tensor* stats)
      : call_(call), source_(source), shape_(shape), q_(q), out_(out), stats_(stats) {}

  void run(const RowBlock* blocks, int64_t count) const {
    const int64_t items = count * splits_;
    int64_t tiles = 0;
    for (int64_t i = 0; i < count; i++) tiles += blocks[i].tiles() * splits_;
    const int64_t threads = call_.workers.threads();
    if (threads > 1 && items < 4 * threads && tiles >= 2 * items && tiles >= 4) return spread(blocks, count);
    call_.workers.parallelFor(items, 1 + kTilesWorthAThread * items / (tiles + 1), [&](int64_t from, int64_t to) {
      static thread_local Scratch<float> scratch;
      // Last rows first: under a causal mask they are the longest.
      for (int64_t item = from; item < to; item++)
        attendItem({blocks[count - 1 - item / splits_], item % splits_ * together_, *this}, scratch);
    });
  }

 private:
  // Some microseconds of work.
  static constexpr int64_t kTilesWorthAThread = 2;

  // One block of rows and some key heads.
  struct Item {
    const RowBlock& block;
    int64_t firstHead;
    int64_t queries;
    int64_t kvHeads;

    Item(const RowBlock& rows, int64_t head, const Attend& attend)
        : block(rows),
          firstHead(head),
          queries(rows.rows * attend.shape_.group()),
          kvHeads(smaller(attend.together_, attend.shape_.kvHeads - head)) {}
    int64_t allQueries() const { return queries * kvHeads; }
  };

  // Working memory for one item.
  struct Room {
    float* queries;
    float* logits;
    int32_t* counts;
    float* keys;
    float* values;
  };

  int64_t floatsOf(const Item& item) const {
    return item.allQueries() * shape_.headDim + item.queries * (kTile + 1) + kTile * (shape_.keyStride() + shape_.valueStride()) + 5 * 16;
  }

  Room roomIn(const Item& item, float* at) const {
    const auto take = [&](int64_t count) {
      float* piece = at;
      at += roundUp(count, 16);
      return piece;
    };
    Room room;
    room.queries = take(item.allQueries() * shape_.headDim);
    room.logits = take(item.queries * kTile);
    room.counts = reinterpret_cast<int32_t*>(take(item.queries));
    room.keys = take(kTile * shape_.keyStride());
    room.values = take(kTile * shape_.valueStride());
    // The queries of a key head next to each other: row by row, its heads within it.
    const int64_t width = shape_.group() * shape_.headDim;
    for (int64_t head = 0; head < item.kvHeads; head++) {
      for (int64_t r = 0; r < item.block.rows; r++) {
        std::memcpy(room.queries + (head * item.block.rows + r) * width,
                    q_.row<const float>(item.block.first + r) + (item.firstHead + head) * width,
                    static_cast<size_t>(width) * sizeof(float));
      }
    }
    return room;
  }

  Rows<Format> keyRows(int64_t at, int64_t head) const {
    return {source_.keys.template row<const Stored>(at) + head * shape_.headDim, source_.keys.rowStride};
  }
  Rows<Format> valueRows(int64_t at, int64_t head) const {
    return {source_.values.template row<const Stored>(at) + head * shape_.valueDim, source_.values.rowStride};
  }

  // Reads a tile's rows once in the order of memory: that sets the hardware's prefetching going, which neither the order of heads nor
  // prefetch instructions do (decoding over 1024 keys on a Zen 5: 86 µs with it, 128 µs without).
  void touch(const Item& item, int64_t first, int64_t keys) const {
    const auto lines = [](Rows<Format> rows, int64_t run, int64_t count) {
      for (int64_t i = 0; i < run; i++) {
        for (int64_t k = 0; k < count; k += 64 / static_cast<int64_t>(sizeof(Stored))) *static_cast<const volatile Stored*>(rows[i] + k);
      }
    };
    source_.eachRun(item.block, first, keys,
                    [&](int64_t, int64_t at, int64_t run) { lines(keyRows(at, item.firstHead), run, item.kvHeads * shape_.headDim); });
    source_.eachRun(item.block, first, keys,
                    [&](int64_t, int64_t at, int64_t run) { lines(valueRows(at, item.firstHead), run, item.kvHeads * shape_.valueDim); });
  }

  // Parts of the item's tile `index`: for each key head, for each query. Those that do not reach it get a count of 0.
  void attendTile(const Item& item, int64_t index, const Room& room, const Parts& parts) const {
    const int64_t first = index * kTile;
    const int64_t keys = smaller(kTile, item.block.keys - first);
    for (int64_t i = 0; i < item.queries; i++) {
      const int64_t left = source_.count(item.block.first + i / shape_.group()) - first;
      room.counts[i] = static_cast<int32_t>(left < 0 ? 0 : smaller(left, keys));
    }
    touch(item, first, keys);
    std::memset(parts.values, 0, static_cast<size_t>(item.allQueries() * parts.stride) * sizeof(float));
    const bool direct = item.block.rows == 1 && item.queries <= kFewQueries && shape_.valueStride() == shape_.valueDim;
    for (int64_t head = 0; head < item.kvHeads; head++) {
      const Rows<F32> queries{room.queries + head * item.queries * shape_.headDim, shape_.headDim};
      const Parts own = parts.at(head * item.queries);
      if (direct) {
        attendStored(item, item.firstHead + head, first, keys, queries, room, own);
      } else {
        attendWidened(item, item.firstHead + head, first, keys, queries, room, own);
      }
    }
  }

  void softmax(const Item& item, const Room& room, const Parts& parts) const {
    for (int64_t i = 0; i < item.queries; i++)
      softmaxTile(room.logits + i * kTile, room.counts[i], shape_.scale, parts.max + i, parts.sum + i);
  }

  // For the few queries of one row: keys and values are used where they are, as they are stored.
  void attendStored(const Item& item, int64_t head, int64_t first, int64_t keys, Rows<F32> queries, const Room& room,
                    const Parts& parts) const {
    source_.eachRun(item.block, first, keys, [&](int64_t place, int64_t at, int64_t run) {
      inParts<kDotRows>(item.queries, [&](auto count, int64_t query) {
        dotRows<count(), kDotOuts>({queries[query], queries.stride}, keyRows(at, head), nullptr, shape_.headDim, run, 0,
                                   room.logits + query * kTile + place, kTile);
      });
    });
    softmax(item, room, parts);
    source_.eachRun(item.block, first, keys, [&](int64_t place, int64_t at, int64_t run) {
      inParts<kDotRows>(item.queries, [&](auto count, int64_t query) {
        weigh<count()>(room.logits + query * kTile + place, valueRows(at, head), run, parts.values + query * parts.stride, parts.stride);
      });
    });
  }

  // For many queries: keys and values are widened to f32 once for all of them.
  void attendWidened(const Item& item, int64_t head, int64_t first, int64_t keys, Rows<F32> queries, const Room& room,
                     const Parts& parts) const {
    const int64_t keyStride = shape_.keyStride(), valueStride = shape_.valueStride();
    source_.eachRun(item.block, first, keys, [&](int64_t place, int64_t at, int64_t run) {
      const Rows<Format> keyRow = keyRows(at, head), valueRow = valueRows(at, head);
      for (int64_t i = 0; i < run; i++) {
        widenRow<Format>(keyRow[i], room.keys + (place + i) * keyStride, shape_.headDim, keyStride);
        widenRow<Format>(valueRow[i], room.values + (place + i) * valueStride, shape_.valueDim, valueStride);
      }
    });
    dotMatrix(queries, item.queries, {room.keys, keyStride}, nullptr, shape_.headDim, keys, room.logits, kTile);
    softmax(item, room, parts);
    const Rows<F32> tile{room.values, valueStride};
    int64_t at = weighTogether<kDotRows>(room.logits, tile, room.counts, 0, item.queries, parts.values, parts.stride);
    if constexpr (kDotRows > 3) at = weighTogether<3>(room.logits, tile, room.counts, at, item.queries, parts.values, parts.stride);
    at = weighTogether<2>(room.logits, tile, room.counts, at, item.queries, parts.values, parts.stride);
    weighTogether<1>(room.logits, tile, room.counts, at, item.queries, parts.values, parts.stride);
  }

  void mergeReached(const Item& item, int64_t index, const Parts& total, const Parts& part) const {
    for (int64_t i = 0; i < item.allQueries(); i++) {
      const int64_t row = item.block.first + i % item.queries / shape_.group();
      if (source_.count(row) > index * kTile) mergeTile(total.at(i), part.at(i));
    }
  }

  void finishItem(const Item& item, const Parts& total) const {
    for (int64_t i = 0; i < item.allQueries(); i++) {
      const int64_t query = i % item.queries;
      const int64_t row = item.block.first + query / shape_.group();
      const int64_t head = (item.firstHead + i / item.queries) * shape_.group() + query % shape_.group();
      finish(total.at(i), source_.count(row), shape_.valueDim, out_.row<float>(row) + head * shape_.valueDim,
             stats_ ? stats_->row<float>(row) + 2 * head : nullptr);
    }
  }

  Parts partsIn(const Item& item, float* memory) const { return Parts::in(memory, item.allQueries(), shape_.valueStride()); }
  int64_t partFloats(const Item& item) const { return roundUp(Parts::size(item.allQueries(), shape_.valueStride()), 16); }

  void attendItem(const Item& item, Scratch<float>& scratch) const {
    float* memory = scratch.get(2 * partFloats(item) + floatsOf(item));
    const Parts total = partsIn(item, memory), part = partsIn(item, memory + partFloats(item));
    const Room room = roomIn(item, memory + 2 * partFloats(item));
    clear(total, item.allQueries());
    for (int64_t index = 0; index < item.block.tiles(); index++) {
      attendTile(item, index, room, part);
      mergeReached(item, index, total, part);
    }
    finishItem(item, total);
  }

  // Every tile of every item is an item of its own, in waves that bound the memory for their parts; these are merged in the same order as
  // attendItem does.
  void spread(const RowBlock* blocks, int64_t count) const {
    constexpr int64_t wave = 64;
    static thread_local Scratch<float> partScratch;
    const int64_t items = count * splits_;
    const auto item = [&](int64_t i) { return Item(blocks[i / splits_], i % splits_ * together_, *this); };
    int64_t size = 0, longest = 0;
    for (int64_t i = 0; i < items; i++) {
      size = partFloats(item(i)) > size ? partFloats(item(i)) : size;
      longest = item(i).block.tiles() > longest ? item(i).block.tiles() : longest;
    }
    float* memory = partScratch.get(items * (wave + 1) * size);
    const auto total = [&](int64_t i) { return partsIn(item(i), memory + i * (wave + 1) * size); };
    const auto part = [&](int64_t i, int64_t index) { return partsIn(item(i), memory + (i * (wave + 1) + 1 + index % wave) * size); };
    for (int64_t i = 0; i < items; i++) clear(total(i), item(i).allQueries());
    for (int64_t begin = 0; begin < longest; begin += wave) {
      const int64_t tiles = smaller(wave, longest - begin);
      call_.workers.parallelFor(items * tiles, kTilesWorthAThread, [&](int64_t from, int64_t to) {
        static thread_local Scratch<float> scratch;
        for (int64_t at = from; at < to; at++) {
          const Item own = item(at / tiles);
          const int64_t index = begin + at % tiles;
          if (index < own.block.tiles()) attendTile(own, index, roomIn(own, scratch.get(floatsOf(own))), part(at / tiles, index));
        }
      });
      for (int64_t i = 0; i < items; i++) {
        const int64_t end = smaller(begin + tiles, item(i).block.tiles());
        for (int64_t index = begin; index < end; index++) mergeReached(item(i), index, total(i), part(i, index));
      }
    }
    for (int64_t i = 0; i < items; i++) finishItem(item(i), total(i));
  }

  // Rows of stored numbers as f32 rows that are readable in whole vectors.
  template <typename F>
  static void widenRow(const typename F::Stored* source, float* target, int64_t count, int64_t stride) {
    decodeRow<F>(source, target, count);
    for (int64_t i = count; i < stride; i++) target[i] = 0;
  }

  const Call& call_;
  const Source& source_;
  const AttendShape shape_;
  const Tensor& q_;
  const Tensor& out_;
  const Tensor* stats_;
  const int64_t together_ = shape_.headsTogether();
  const int64_t splits_ = (shape_.kvHeads + together_ - 1) / together_;
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
