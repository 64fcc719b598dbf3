#include "attend.h"

namespace WHITTLE_KERNEL_NAMESPACE {

namespace {

// What a row sees: the first `visible` keys of its table, and those beyond whose bit is set in its ancestors.
struct SeenKeys {
  int64_t table;
  int64_t visible;
  // Keys that follow without a gap (the leading set bits of the ancestors counted in) and all keys.
  int64_t prefix;
  int64_t count;
};

template <typename StoredFormat>
struct Paged {
  using Format = StoredFormat;
  const Tensor& keys;
  const Tensor& values;
  const Tensor& tables;
  const Tensor& ancestors;
  int64_t blockSize;
  const SeenKeys* seen;

  int64_t count(int64_t row) const { return seen[row].count; }

  // Where the pool keeps a key of a table.
  int64_t slot(int64_t table, int64_t key) const {
    return int64_t{tables.row<const int32_t>(table)[key / blockSize]} * blockSize + key % blockSize;
  }

  bool bit(int64_t row, int64_t index) const { return (ancestors.row<const uint32_t>(row)[index >> 5] >> (index & 31)) & 1; }

  template <typename Visit>
  void eachRun(const RowBlock& block, int64_t first, int64_t count, Visit visit) const {
    // The row that sees most names the block's list.
    int64_t row = block.first;
    while (seen[row].count < block.keys) row++;
    const SeenKeys& list = seen[row];
    const int64_t end = first + count;
    int64_t place = first;
    while (place < end && place < list.prefix) {
      const int64_t border = place - place % blockSize + blockSize;
      const int64_t stop = smaller(border, smaller(end, list.prefix));
      visit(place - first, slot(list.table, place), stop - place);
      place = stop;
    }
    if (place >= end) return;
    int64_t reached = list.prefix;
    for (int64_t index = list.prefix - list.visible; reached < end; index++) {
      if (!bit(row, index)) continue;
      if (reached >= first) visit(reached - first, slot(list.table, list.visible + index), 1);
      reached++;
    }
  }
};

// Reads what a row sees. False: it sees what is not there.
template <typename Format>
bool readSeen(const Call& call, const Paged<Format>& source, const int32_t* entry, int64_t row, SeenKeys& keys) {
  const auto number = static_cast<long long>(row);
  keys = {entry[0], entry[1], 0, 0};
  if (keys.table < 0) return true;
  if (keys.table >= source.tables.rows())
    return call.fail("row %lld uses table %d of %lld", number, entry[0], static_cast<long long>(source.tables.rows()));
  if (keys.visible < 0) return call.fail("row %lld sees %d keys", number, entry[1]);
  keys.prefix = keys.count = keys.visible;
  const int64_t bits = source.ancestors.present() ? source.ancestors.columns() * 32 : 0;
  for (int64_t index = 0; index < bits; index++) {
    if (!source.bit(row, index)) continue;
    keys.count++;
    if (keys.prefix == keys.visible + index) keys.prefix++;
  }
  return true;
}

// The table entries that a row reaches must be there and name blocks of the pool. `checked` leading keys of the table are known to.
template <typename Format>
bool checkReach(const Call& call, const Paged<Format>& source, int64_t row, int64_t checked) {
  const SeenKeys& keys = source.seen[row];
  const int64_t held = source.tables.columns() * source.blockSize;
  const int64_t blocks = source.keys.rows() / source.blockSize;
  const int32_t* table = source.tables.template row<const int32_t>(keys.table);
  const auto check = [&](int64_t key) {
    const auto number = static_cast<long long>(row);
    if (key >= held)
      return call.fail("row %lld sees key %lld, but a table holds %lld", number, static_cast<long long>(key), static_cast<long long>(held));
    const int32_t block = table[key / source.blockSize];
    if (block < 0 || block >= blocks) return call.fail("row %lld sees block %d of %lld", number, block, static_cast<long long>(blocks));
    return true;
  };
  const int64_t size = source.blockSize;
  for (int64_t key = checked / size * size; key < keys.prefix; key += size) {
    if (!check(key)) return false;
  }
  if (keys.count == keys.prefix) return true;
  for (int64_t index = keys.prefix - keys.visible; index < source.ancestors.columns() * 32; index++) {
    if (source.bit(row, index) && !check(keys.visible + index)) return false;
  }
  return true;
}

template <typename Format>
bool attendPaged(const Call& call, const AttendShape& shape) {
  const Tensor &q = call[0], &rows = call[4], &out = call[6], &stats = call[7];
  static thread_local Scratch<SeenKeys> seenScratch;
  static thread_local Scratch<RowBlock> blockScratch;
  SeenKeys* seen = seenScratch.get(q.rows());
  RowBlock* blocks = blockScratch.get(q.rows());
  const Paged<Format> source{call[1], call[2], call[3], call[5], call.integer(2), seen};
  int64_t count = 0;
  // Leading keys of the last row's table that are known to be there.
  int64_t checked = 0;
  for (int64_t row = 0; row < q.rows(); row++) {
    SeenKeys& keys = seen[row];
    if (!readSeen(call, source, rows.row<const int32_t>(row), row, keys)) return false;
    if (row == 0 || keys.table != seen[row - 1].table) checked = 0;
    if (keys.table >= 0 && !checkReach(call, source, row, checked)) return false;
    checked = keys.prefix > checked ? keys.prefix : checked;
    // Rows of one sequence share its keys; a draft row beside others has a list of its own.
    RowBlock* last = blocks + count - 1;
    const bool shares = count > 0 && last->rows < rowsPerBlock(shape) && keys.table == seen[last->first].table &&
                        keys.count == keys.prefix && seen[last->first].count == seen[last->first].prefix;
    if (shares) {
      last->rows++;
      last->keys = keys.count > last->keys ? keys.count : last->keys;
    } else {
      blocks[count++] = {row, 1, keys.count};
    }
  }
  Attend(call, source, shape, q, out, &stats).run(blocks, count);
  return true;
}

}  // namespace

static bool attendPartPaged(const Call& call) {
  const int64_t heads = call.integer(0), kvHeads = call.integer(1);
  const AttendShape shape{heads, kvHeads, call[0].columns() / heads, call[2].columns() / kvHeads, call.number(3)};
  return withFormat(call[1].dtype, [&](auto format) { return attendPaged<decltype(format)>(call, shape); });
}

WHITTLE_KERNEL("attendPart.paged", attendPartPaged);

}  // namespace WHITTLE_KERNEL_NAMESPACE
