// Attention of rows over lists of keys, whatever the layout: rows that share their keys go tile by tile through the same block, and where
// there are fewer blocks than threads the tiles of one block are spread over them.
#pragma once

#include "attend-ahead.h"

namespace WHITTLE_KERNEL_NAMESPACE {

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
    static thread_local Scratch<AttendItem> itemScratch;
    AttendItem* items = itemScratch.get(count * shape_.kvHeads);
    int64_t number = 0, tiles = 0;
    for (int64_t i = 0; i < count; i++) {
      const int64_t together = shape_.headsTogether(blocks[i].rows);
      for (int64_t head = 0; head < shape_.kvHeads; head += together) {
        items[number++] = {blocks[i], head, smaller(together, shape_.kvHeads - head), blocks[i].rows * shape_.group()};
        tiles += blocks[i].tiles();
      }
    }
    const int64_t threads = call_.workers.threads();
    if (threads > 1 && number < 4 * threads && tiles >= 2 * number && tiles >= 4) return spread(items, number);
    call_.workers.parallelFor(number, 1 + kTilesWorthAThread * number / (tiles + 1), [&](int64_t from, int64_t to) {
      static thread_local Scratch<float> scratch;
      // Last rows first: under a causal mask they are the longest.
      for (int64_t i = from; i < to; i++) {
        const AttendItem* item = items + number - 1 - i;
        attendItem(*item, i + 1 < to ? item - 1 : nullptr, scratch);
      }
    });
  }

 private:
  // Some microseconds of work.
  static constexpr int64_t kTilesWorthAThread = 2;
  static constexpr int64_t kPartsAhead = 4;

  // Working memory for one item.
  struct Room {
    float* queries;
    // Of one key head's few queries.
    float* logits;
    // Keys of the tile that a query sees.
    int32_t* counts;
    float* keys;
    float* values;
  };

  int64_t floatsOf(const AttendItem& item) const {
    const int64_t all = roundUp(item.allQueries(), 16);
    return all * (shape_.keyStride() + 1) + kFewQueries * kTile + kTile * (shape_.keyStride() + shape_.valueStride());
  }

  Room roomIn(const AttendItem& item, float* at) const {
    const int64_t all = roundUp(item.allQueries(), 16);
    const auto take = [&](int64_t count) {
      float* piece = at;
      at += count;
      return piece;
    };
    Room room;
    room.queries = take(all * shape_.keyStride());
    room.logits = take(kFewQueries * kTile);
    room.counts = reinterpret_cast<int32_t*>(take(all));
    room.keys = take(kTile * shape_.keyStride());
    room.values = take(kTile * shape_.valueStride());
    takeQueries(item, room.queries);
    return room;
  }

  void takeQueries(const AttendItem& item, float* queries) const {
    const int64_t group = shape_.group(), dim = shape_.headDim, rows = item.block.rows;
    const auto row = [&](int64_t r, int64_t head) {
      return q_.row<const float>(item.block.first + r) + (item.firstHead + head) * group * dim;
    };
    if (!shape_.fewQueries(rows)) {
      const auto query = [&](int64_t i) { return row(i / group, 0) + i % group * dim; };
      return takeInLanes(query, item.queries, dim, shape_.keyStride(), queries);
    }
    for (int64_t i = 0; i < item.kvHeads * rows; i++) {
      std::memcpy(queries + i * group * dim, row(i % rows, i / rows), static_cast<size_t>(group * dim) * sizeof(float));
    }
  }

  Rows<Format> keyRows(int64_t at, int64_t head) const {
    return {source_.keys.template row<const Stored>(at) + head * shape_.headDim, source_.keys.rowStride};
  }
  Rows<Format> valueRows(int64_t at, int64_t head) const {
    return {source_.values.template row<const Stored>(at) + head * shape_.valueDim, source_.values.rowStride};
  }

  // Reads a tile's rows once in the order of memory, keys and values as two streams: that sets the hardware's prefetching going, which
  // neither the order of heads nor prefetch instructions do (decoding over 1024 keys on a Zen 5: 86 µs with it, 128 µs without).
  void touch(const AttendItem& item, int64_t first, int64_t keys) const {
    const auto lines = [](const Stored* row, int64_t count) {
      for (int64_t k = 0; k < count; k += 64 / static_cast<int64_t>(sizeof(Stored))) *static_cast<const volatile Stored*>(row + k);
    };
    source_.eachRun(item.block, first, keys, [&](int64_t, int64_t at, int64_t run) {
      const Rows<Format> key = keyRows(at, item.firstHead), value = valueRows(at, item.firstHead);
      for (int64_t i = 0; i < run; i++) {
        lines(key[i], item.kvHeads * shape_.headDim);
        lines(value[i], item.kvHeads * shape_.valueDim);
      }
    });
  }

  // Sees to it that the rows of a tile are asked for while the tile before is worked on. `next` has no item: none comes.
  void expect(const TileOfItem& tile, const TileOfItem& next, RowsAhead<Format>& ahead) const {
    if (!next.item || next.index >= next.item->block.tiles() || !shape_.fewQueries(next.item->block.rows)) return ahead.clear();
    const AttendItem& item = *next.item;
    // As dotKeys and weigh count them.
    const int64_t parts = (tile.item->queries + kDotRows - 1) / kDotRows;
    const int64_t chunks = (shape_.valueDim + kWeighVecs * kLanes - 1) / (kWeighVecs * kLanes);
    const int64_t steps = keysOf(tile) * tile.item->kvHeads * parts * (1 + chunks);
    const int64_t keys = keysOf(next);
    ahead.expect(next, steps, keys, keyRows(0, item.firstHead), item.kvHeads * shape_.headDim, valueRows(0, item.firstHead),
                 item.kvHeads * shape_.valueDim);
    source_.eachRun(item.block, next.index * kTile, keys, [&](int64_t, int64_t at, int64_t run) {
      for (int64_t i = 0; i < run; i++) ahead.add(at + i);
    });
  }

  int64_t keysOf(const TileOfItem& tile) const { return smaller(kTile, tile.item->block.keys - tile.index * kTile); }

  // Keys of the tile `index` that the item's queries see.
  void countKeys(const AttendItem& item, int64_t index, int32_t* counts) const {
    const int64_t group = shape_.group();
    for (int64_t head = 0; head < item.kvHeads; head++) {
      for (int64_t r = 0; r < item.block.rows; r++) {
        const int64_t left = source_.count(item.block.first + r) - index * kTile;
        for (int64_t g = 0; g < group; g++) *counts++ = static_cast<int32_t>(left < 0 ? 0 : smaller(left, kTile));
      }
    }
    for (int64_t i = item.allQueries(); i % kLanes != 0; i++) *counts++ = 0;
  }

  // Parts of a tile: for each key head, for each query. Those that do not reach it get a count of 0. The thread goes on with tile `next`.
  void attendTile(const TileOfItem& tile, const TileOfItem& next, const Room& room, const Parts& parts) const {
    static thread_local RowsAhead<Format> ahead;
    const AttendItem& item = *tile.item;
    const int64_t first = tile.index * kTile, keys = keysOf(tile);
    countKeys(item, tile.index, room.counts);
    if (!shape_.fewQueries(item.block.rows)) return attendWidened(item, first, keys, room, parts);
    if (!ahead.holds(tile)) touch(item, first, keys);
    expect(tile, next, ahead);
    for (int64_t head = 0; head < item.kvHeads; head++) {
      const Rows<F32> queries{room.queries + head * item.queries * shape_.headDim, shape_.headDim};
      attendStored(item, item.firstHead + head, first, keys, queries, room, parts.at(head * item.queries), ahead);
    }
  }

  // For few queries: keys and values are used where they are, as they are stored.
  void attendStored(const AttendItem& item, int64_t head, int64_t first, int64_t keys, Rows<F32> queries, const Room& room,
                    const Parts& parts, RowsAhead<Format>& ahead) const {
    const auto step = [&](int64_t keys) __attribute__((always_inline)) {
      ahead.step(keys);
    };
    const ByQuery logits{room.logits};
    source_.eachRun(item.block, first, keys, [&](int64_t place, int64_t at, int64_t run) {
      inParts<kDotRows>(item.queries, [&](auto count, int64_t query) {
        dotKeys<count()>({queries[query], queries.stride}, keyRows(at, head), shape_.headDim, run, logits.at(query, place), step);
      });
    });
    for (int64_t i = 0; i < item.queries; i++) softmaxTile(logits.at(i, 0), room.counts[i], shape_.scale, parts.max + i, parts.sum + i);
    source_.eachRun(item.block, first, keys, [&](int64_t place, int64_t at, int64_t run) {
      weigh(logits, valueRows(at, head), place, run, room.counts, item.queries, parts.values, parts.stride, step);
    });
  }

  // For many queries of one key head: keys and values are widened to f32 once for all of them.
  void attendWidened(const AttendItem& item, int64_t first, int64_t keys, const Room& room, const Parts& parts) const {
    const int64_t keyStride = shape_.keyStride(), valueStride = shape_.valueStride();
    source_.eachRun(item.block, first, keys, [&](int64_t place, int64_t at, int64_t run) {
      const Rows<Format> keyRow = keyRows(at, item.firstHead), valueRow = valueRows(at, item.firstHead);
      for (int64_t i = 0; i < run; i++) {
        widenRow<Format>(keyRow[i], room.keys + (place + i) * keyStride, shape_.headDim, keyStride);
        widenRow<Format>(valueRow[i], room.values + (place + i) * valueStride, shape_.valueDim, valueStride);
      }
    });
    attendInLanes(room.queries, {room.keys, keyStride}, keyStride, {room.values, valueStride}, shape_.scale, room.counts, item.queries,
                  parts);
  }

  void finishItem(const AttendItem& item, const Parts& total) const {
    for (int64_t i = 0; i < item.allQueries(); i++) {
      const int64_t query = i % item.queries;
      const int64_t row = item.block.first + query / shape_.group();
      const int64_t head = (item.firstHead + i / item.queries) * shape_.group() + query % shape_.group();
      finish(total.at(i), source_.count(row), shape_.valueDim, out_.row<float>(row) + head * shape_.valueDim,
             stats_ ? stats_->row<float>(row) + 2 * head : nullptr);
    }
  }

  Parts partsIn(const AttendItem& item, float* memory) const { return Parts::in(memory, item.allQueries(), shape_.valueStride()); }
  int64_t partFloats(const AttendItem& item) const { return roundUp(Parts::size(item.allQueries(), shape_.valueStride()), 16); }

  void attendItem(const AttendItem& item, const AttendItem* next, Scratch<float>& scratch) const {
    float* memory = scratch.get(2 * partFloats(item) + floatsOf(item));
    const Parts total = partsIn(item, memory), part = partsIn(item, memory + partFloats(item));
    const Room room = roomIn(item, memory + 2 * partFloats(item));
    clear(total, item.allQueries());
    const int64_t tiles = item.block.tiles();
    for (int64_t index = 0; index < tiles; index++) {
      const bool last = index + 1 == tiles;
      attendTile({&item, index}, last ? TileOfItem{next, 0} : TileOfItem{&item, index + 1}, room, part);
      mergeTile(total, part, room.counts, item.allQueries());
    }
    finishItem(item, total);
  }

  // The tiles of every item are spread over the threads, in waves that bound the memory for their parts; these are merged in the same order
  // as attendItem does.
  void spread(const AttendItem* items, int64_t count) const {
    constexpr int64_t wave = 64;
    static thread_local Scratch<float> partScratch;
    int64_t size = 0, longest = 0;
    for (int64_t i = 0; i < count; i++) {
      size = partFloats(items[i]) > size ? partFloats(items[i]) : size;
      longest = items[i].block.tiles() > longest ? items[i].block.tiles() : longest;
    }
    float* memory = partScratch.get(count * (wave + 1) * size);
    const auto total = [&](int64_t i) { return partsIn(items[i], memory + i * (wave + 1) * size); };
    const auto part = [&](int64_t i, int64_t index) { return partsIn(items[i], memory + (i * (wave + 1) + 1 + index % wave) * size); };
    for (int64_t i = 0; i < count; i++) clear(total(i), items[i].allQueries());
    for (int64_t begin = 0; begin < longest; begin += wave) {
      const int64_t tiles = smaller(wave, longest - begin);
      call_.workers.parallelFor(count * tiles, kTilesWorthAThread, [&](int64_t from, int64_t to) {
        static thread_local Scratch<float> scratch;
        const auto tileAt = [&](int64_t at) { return TileOfItem{items + at / tiles, begin + at % tiles}; };
        const int64_t threads = call_.workers.threads();
        for (int64_t at = from; at < to; at++) {
          const TileOfItem tile = tileAt(at);
          if (tile.index >= tile.item->block.tiles()) continue;
          // The last of a thread's share knows of no next one.
          const bool more = (at + 1) * threads / (count * tiles) == at * threads / (count * tiles);
          attendTile(tile, more ? tileAt(at + 1) : TileOfItem{}, roomIn(*tile.item, scratch.get(floatsOf(*tile.item))),
                     part(at / tiles, tile.index));
        }
      });
      call_.workers.parallelFor(count, 1 + kTilesWorthAThread * 16 / tiles, [&](int64_t from, int64_t to) {
        static thread_local Scratch<int32_t> scratch;
        for (int64_t i = from; i < to; i++) {
          int32_t* counts = scratch.get(roundUp(items[i].allQueries(), kLanes));
          const int64_t end = smaller(begin + tiles, items[i].block.tiles());
          for (int64_t index = begin; index < end; index++) {
            // Another thread's part takes its time to come over.
            if (index + kPartsAhead < end) {
              const float* later = part(i, index + kPartsAhead).values;
              for (int64_t at = 0; at < partFloats(items[i]); at += 16) __builtin_prefetch(later + at);
            }
            countKeys(items[i], index, counts);
            mergeTile(total(i), part(i, index), counts, items[i].allQueries());
          }
        }
      });
    }
    for (int64_t i = 0; i < count; i++) finishItem(items[i], total(i));
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
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
