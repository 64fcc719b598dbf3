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

  int64_t group() const { return heads / kvHeads; }
  int64_t valueStride() const { return roundUp(valueDim, kLanes); }
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

// Working memory for one block.
struct AttendMemory {
  float* queries;
  float* logits;
  Parts part;
  Parts total;
  int32_t* counts;
  float* keys;
  float* values;

  static AttendMemory of(const AttendShape& shape, int64_t queries, Scratch<float>& scratch) {
    const int64_t stride = shape.valueStride();
    const int64_t keyStride = roundUp(shape.headDim, kLanes);
    float* at = scratch.get(queries * (keyStride + kTile + 1) + 2 * Parts::size(queries, stride) + kTile * (keyStride + stride) + 8 * 16);
    const auto take = [&](int64_t count) {
      float* piece = at;
      at += roundUp(count, 16);
      return piece;
    };
    AttendMemory memory;
    memory.queries = take(queries * keyStride);
    memory.logits = take(queries * kTile);
    memory.part = Parts::in(take(Parts::size(queries, stride)), queries, stride);
    memory.total = Parts::in(take(Parts::size(queries, stride)), queries, stride);
    memory.counts = reinterpret_cast<int32_t*>(take(queries));
    memory.keys = take(kTile * keyStride);
    memory.values = take(kTile * stride);
    return memory;
  }
};

// Copies the queries of one key head next to each other: row by row, the group's heads within it.
inline Rows<F32> gatherQueries(const AttendShape& shape, const Tensor& q, const RowBlock& block, int64_t kvHead, float* target) {
  const int64_t width = shape.group() * shape.headDim;
  for (int64_t r = 0; r < block.rows; r++) {
    std::memcpy(target + r * width, q.row<const float>(block.first + r) + kvHead * width, static_cast<size_t>(width) * sizeof(float));
  }
  return {target, shape.headDim};
}

// Widens or copies rows of stored numbers to f32 rows that are readable in whole vectors.
template <typename Format>
inline void widenRow(const typename Format::Stored* source, float* target, int64_t count, int64_t stride) {
  decodeRow<Format>(source, target, count);
  for (int64_t i = count; i < stride; i++) target[i] = 0;
}

// A source of keys says `int64_t keys(row)`: how many a row sees, and `KeyTile tile(block, kvHead, first, count, memory)`: the keys [first,
// first + count) of the block's list.
template <typename Source>
class Attend {
 public:
  Attend(const Call& call, const Source& source, const AttendShape& shape, const Tensor& q, const Tensor& out, const Tensor* stats)
      : call_(call), source_(source), shape_(shape), q_(q), out_(out), stats_(stats) {}

  void run(const RowBlock* blocks, int64_t count) const {
    const int64_t items = count * shape_.kvHeads;
    int64_t tiles = 0;
    for (int64_t i = 0; i < count; i++) tiles += blocks[i].tiles() * shape_.kvHeads;
    const int64_t threads = call_.workers.threads();
    if (threads > 1 && items < 4 * threads && tiles >= 2 * items && tiles >= 8) return spread(blocks, count);
    // Some 2 µs of work a tile.
    const int64_t grain = 1 + 4 * items / (tiles + 1);
    call_.workers.parallelFor(items, grain, [&](int64_t from, int64_t to) {
      static thread_local Scratch<float> scratch;
      for (int64_t item = from; item < to; item++) {
        // Last rows first: under a causal mask they are the longest.
        const RowBlock& block = blocks[count - 1 - item / shape_.kvHeads];
        attendBlock(block, item % shape_.kvHeads, scratch);
      }
    });
  }

 private:
  int64_t queriesOf(const RowBlock& block) const { return block.rows * shape_.group(); }

  // Parts of the block's tile `index`, for all queries; those that do not reach it get a count of 0.
  void attendOne(const RowBlock& block, int64_t kvHead, int64_t index, Rows<F32> queries, const AttendMemory& memory,
                 const Parts& parts) const {
    const int64_t first = index * kTile;
    const int64_t count = block.keys - first < kTile ? block.keys - first : kTile;
    for (int64_t r = 0; r < block.rows; r++) {
      const int64_t left = source_.keys(block.first + r) - first;
      const int64_t seen = left < 0 ? 0 : left < count ? left : count;
      for (int64_t h = 0; h < shape_.group(); h++) memory.counts[r * shape_.group() + h] = static_cast<int32_t>(seen);
    }
    const KeyTile tile = source_.tile(block, kvHead, first, count, memory);
    attendTile(queries, queriesOf(block), shape_.headDim, tile, count, memory.counts, shape_.scale, memory.logits, parts);
  }

  void mergeReached(const RowBlock& block, int64_t index, const Parts& total, const Parts& part) const {
    for (int64_t r = 0; r < block.rows; r++) {
      if (source_.keys(block.first + r) <= index * kTile) continue;
      for (int64_t i = r * shape_.group(); i < (r + 1) * shape_.group(); i++) mergeTile(total.at(i), part.at(i));
    }
  }

  void finishBlock(const RowBlock& block, int64_t kvHead, const Parts& total) const {
    for (int64_t i = 0; i < queriesOf(block); i++) {
      const int64_t row = block.first + i / shape_.group();
      const int64_t head = kvHead * shape_.group() + i % shape_.group();
      finish(total.at(i), source_.keys(row), shape_.valueDim, out_.row<float>(row) + head * shape_.valueDim,
             stats_ ? stats_->row<float>(row) + 2 * head : nullptr);
    }
  }

  void attendBlock(const RowBlock& block, int64_t kvHead, Scratch<float>& scratch) const {
    const AttendMemory memory = AttendMemory::of(shape_, queriesOf(block), scratch);
    const Rows<F32> queries = gatherQueries(shape_, q_, block, kvHead, memory.queries);
    clear(memory.total, queriesOf(block));
    for (int64_t index = 0; index < block.tiles(); index++) {
      attendOne(block, kvHead, index, queries, memory, memory.part);
      mergeReached(block, index, memory.total, memory.part);
    }
    finishBlock(block, kvHead, memory.total);
  }

  // Every tile of every block is an item of its own, in waves that bound the memory for their parts; these are merged in the same order as
  // attendBlock does.
  void spread(const RowBlock* blocks, int64_t count) const {
    constexpr int64_t wave = 64;
    static thread_local Scratch<float> partScratch;
    const int64_t stride = shape_.valueStride();
    int64_t most = 0, longest = 0;
    for (int64_t i = 0; i < count; i++) {
      most = queriesOf(blocks[i]) > most ? queriesOf(blocks[i]) : most;
      longest = blocks[i].tiles() > longest ? blocks[i].tiles() : longest;
    }
    const int64_t items = count * shape_.kvHeads;
    const int64_t partSize = roundUp(Parts::size(most, stride), 16);
    float* memory = partScratch.get(items * (wave + 1) * partSize);
    const auto total = [&](int64_t item) { return Parts::in(memory + item * (wave + 1) * partSize, most, stride); };
    const auto part = [&](int64_t item, int64_t index) {
      return Parts::in(memory + (item * (wave + 1) + 1 + index % wave) * partSize, most, stride);
    };
    for (int64_t item = 0; item < items; item++) clear(total(item), most);
    for (int64_t begin = 0; begin < longest; begin += wave) {
      const int64_t tiles = longest - begin < wave ? longest - begin : wave;
      call_.workers.parallelFor(items * tiles, 4, [&](int64_t from, int64_t to) {
        static thread_local Scratch<float> scratch;
        for (int64_t i = from; i < to; i++) {
          const int64_t item = i / tiles, index = begin + i % tiles;
          const RowBlock& block = blocks[item / shape_.kvHeads];
          if (index >= block.tiles()) continue;
          const AttendMemory room = AttendMemory::of(shape_, queriesOf(block), scratch);
          const Rows<F32> queries = gatherQueries(shape_, q_, block, item % shape_.kvHeads, room.queries);
          attendOne(block, item % shape_.kvHeads, index, queries, room, part(item, index));
        }
      });
      for (int64_t item = 0; item < items; item++) {
        const RowBlock& block = blocks[item / shape_.kvHeads];
        const int64_t end = begin + tiles < block.tiles() ? begin + tiles : block.tiles();
        for (int64_t index = begin; index < end; index++) mergeReached(block, index, total(item), part(item, index));
      }
    }
    for (int64_t item = 0; item < items; item++) finishBlock(blocks[item / shape_.kvHeads], item % shape_.kvHeads, total(item));
  }

  const Call& call_;
  const Source& source_;
  const AttendShape shape_;
  const Tensor& q_;
  const Tensor& out_;
  const Tensor* stats_;
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
