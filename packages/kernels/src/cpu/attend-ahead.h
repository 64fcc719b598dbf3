// Keys and values that are read next, asked for bit by bit while those before them are worked on.
#pragma once

#include "attend-shape.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// A tile of an item; no item: none.
struct TileOfItem {
  const AttendItem* item = nullptr;
  int64_t index = 0;

  bool operator==(const TileOfItem&) const = default;
};

// The rows of one tile. In small pieces: a processor that waits for much already drops what it is asked for, and where a tile is read at
// once the arithmetic waits for it (decoding 8 x 1024 keys of f16 on a Zen 5: 175 µs so, 120 µs in pieces).
template <typename Format>
class RowsAhead {
  using Stored = typename Format::Stored;

 public:
  bool holds(const TileOfItem& tile) const { return tile_ == tile; }

  // Nothing is read next.
  void clear() {
    tile_ = {};
    left_ = 0;
  }

  // `steps` steps from now the tile's `count` rows are read (add() says which they are): of `keys` and of `values`, whose rows 0 these
  // are, so many numbers.
  void expect(const TileOfItem& tile, int64_t steps, int64_t count, Rows<Format> keys, int64_t keyWidth, Rows<Format> values,
              int64_t valueWidth) {
    tile_ = tile;
    streams_[0] = {keys, keyWidth};
    streams_[1] = {values, valueWidth};
    steps_ = steps;
    left_ = rate_ = count * (pieces(0) + pieces(1));
    count_ = due_ = row_ = column_ = stream_ = 0;
  }
  void add(int64_t row) { rows_[count_++] = row; }

  // The work goes on by `count` steps.
  WHITTLE_INLINE void step(int64_t count) {
    due_ += count * rate_;
    while (due_ >= steps_) {
      due_ -= steps_;
      ask();
    }
  }

 private:
  static constexpr int64_t line = 64 / sizeof(Stored), piece = 8 * line;

  int64_t pieces(int stream) const { return (streams_[stream].width + piece - 1) / piece; }

  void ask() {
    if (left_ == 0) return;
    left_--;
    const Stream& stream = streams_[stream_];
    const Stored* row = stream.rows[rows_[row_]];
    const int64_t end = smaller(column_ + piece, stream.width);
    for (; column_ < end; column_ += line) __builtin_prefetch(row + column_);
    if (column_ < stream.width) return;
    column_ = 0;
    row_ += stream_;
    stream_ ^= 1;
  }

  struct Stream {
    Rows<Format> rows;
    int64_t width;
  };
  TileOfItem tile_;
  Stream streams_[2] = {};
  int64_t rows_[kTile];
  int64_t count_ = 0;
  int64_t left_ = 0, rate_ = 0, steps_ = 1, due_ = 0;
  int64_t row_ = 0, column_ = 0;
  int stream_ = 0;
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
