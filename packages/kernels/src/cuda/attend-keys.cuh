// Which keys a row of an attention sees and where they lie: as numbers of one table of blocks (`PagedKeys`), or as rows of a matrix (`RangedKeys`).
// What a row sees is one list: the keys of a range, and after it those that its ancestors' bits name.
#pragma once

#include "kernel.cuh"

namespace whittle::cuda {

struct AttendShape {
  int32_t heads;
  int32_t kvHeads;
  int32_t headDim;
  int32_t valueDim;
  float scale;

  // Query heads that share a key head.
  constexpr int32_t group() const { return heads / kvHeads; }
};

struct SeenKeys {
  // Which table the keys are of; -1: the row sees nothing.
  int32_t table;
  // The range.
  int32_t from;
  int32_t end;
  // Keys that are seen, those of the ancestors counted in, and the key after the last of them.
  int32_t count;
  int32_t reach;

  __device__ bool plain() const { return count == end - from; }
};

constexpr SeenKeys noKeys{-1, 0, 0, 0, 0};

// Whether one list of keys holds what either row sees, in the same places.
__device__ inline bool sameList(const SeenKeys& a, const SeenKeys& b) {
  return a.table == b.table && a.from == b.from && a.plain() && b.plain();
}

// The lowest `count` bits, 0 to 64.
__device__ inline uint64_t lowBits(int64_t count) {
  return count <= 0 ? 0 : count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// A source of keys says
//   read(row, report): what a row sees; nothing if that is not there, which is reported once, by whoever is asked to;
//   keyAt(row, seen, place): the key at a place of the row's list;
//   slot(table, key): its row in `keys` and `values`, -1 if the table names no block of the pool;
//   seenMask(row, seen, first): which of the 64 keys from `first` on the row sees, lowest bit first;
//   raiseSlot(row, table, key): reports the key for which `slot` is -1;
//   capacity(): the most keys that a row can see;
//   settled: what it says of rows can be read before the kernels before this one have ended.
struct PagedKeys {
  // Rows may use different tables.
  static constexpr bool tabled = true;

  Tensor keys;
  Tensor values;
  Tensor tables;
  Tensor rows;
  Tensor ancestors;
  int32_t blockSize;
  Faults faults;
  bool settled;

  int64_t capacity() const { return tables.columns() * blockSize; }

  __device__ SeenKeys read(int64_t row, bool report) const {
    const int32_t table = rows.row<const int32_t>(row)[0], visible = rows.row<const int32_t>(row)[1];
    if (table < 0) return noKeys;
    if (table >= tables.rows()) {
      if (report) faults.raise(Fault::tableOutside, row, table, tables.rows());
      return noKeys;
    }
    if (visible < 0) {
      if (report) faults.raise(Fault::negativeKeys, row, visible);
      return noKeys;
    }
    const int64_t held = tables.columns() * blockSize;
    int64_t outside = visible > held ? held : -1;
    SeenKeys seen{table, 0, visible, visible, visible};
    for (int word = 0; word < words(); word++) {
      const uint32_t bits = wordOf(row, word);
      if (bits == 0) continue;
      const int64_t first = visible + 32 * int64_t{word};
      const auto beyond = static_cast<uint32_t>(bits & ~lowBits(held - first));
      if (outside < 0 && beyond != 0) outside = first + __ffs(static_cast<int>(beyond)) - 1;
      seen.count += __popc(bits);
      seen.reach = static_cast<int32_t>(first + 32 - __clz(static_cast<int>(bits)));
    }
    if (outside < 0) return seen;
    if (report) faults.raise(Fault::keyOutsideTable, row, outside, held);
    return noKeys;
  }

  __device__ int32_t keyAt(int64_t row, const SeenKeys& seen, int32_t place) const {
    int32_t left = place - seen.end;
    if (left < 0) return place;
    for (int word = 0; word < words(); word++) {
      uint32_t bits = wordOf(row, word);
      const int32_t count = __popc(bits);
      if (left >= count) {
        left -= count;
        continue;
      }
      for (; left > 0; left--) bits &= bits - 1;
      return seen.end + 32 * word + __ffs(static_cast<int>(bits)) - 1;
    }
    return 0;
  }

  __device__ int32_t slot(int32_t table, int32_t key) const {
    const int32_t block = tables.row<const int32_t>(table)[key / blockSize];
    return block < 0 || block >= blocks() ? -1 : block * blockSize + key % blockSize;
  }

  __device__ uint64_t seenMask(int64_t row, const SeenKeys& seen, int32_t first) const {
    uint64_t mask = lowBits(int64_t{seen.end} - first);
    if (seen.plain()) return mask;
    for (int word = 0; word < words(); word++) {
      const int64_t shift = int64_t{seen.end} + 32 * word - first;
      const uint64_t bits = wordOf(row, word);
      if (shift > -32 && shift < 64) mask |= shift < 0 ? bits >> -shift : bits << shift;
    }
    return mask;
  }

  __device__ void raiseSlot(int64_t row, int32_t table, int32_t key) const {
    faults.raise(Fault::blockOutside, row, tables.row<const int32_t>(table)[key / blockSize], blocks());
  }

 private:
  __device__ int words() const { return ancestors.present() ? static_cast<int>(ancestors.columns()) : 0; }
  __device__ uint32_t wordOf(int64_t row, int word) const { return ancestors.row<const uint32_t>(row)[word]; }
  __device__ int64_t blocks() const { return keys.rows() / blockSize; }
};

struct RangedKeys {
  static constexpr bool tabled = false;

  Tensor keys;
  Tensor values;
  Tensor ranges;
  Faults faults;
  bool settled;

  int64_t capacity() const { return keys.rows(); }

  __device__ SeenKeys read(int64_t row, bool report) const {
    const int32_t from = ranges.row<const int32_t>(row)[0], end = ranges.row<const int32_t>(row)[1];
    if (from < 0 || end > keys.rows()) {
      if (report) faults.raise(Fault::rangeOutside, row, from, end, keys.rows());
      return noKeys;
    }
    return end <= from ? noKeys : SeenKeys{0, from, end, end - from, end};
  }

  __device__ int32_t keyAt(int64_t, const SeenKeys& seen, int32_t place) const { return seen.from + place; }
  __device__ int32_t slot(int32_t, int32_t key) const { return key; }
  __device__ uint64_t seenMask(int64_t, const SeenKeys& seen, int32_t first) const {
    return lowBits(int64_t{seen.end} - first) & ~lowBits(int64_t{seen.from} - first);
  }
  __device__ void raiseSlot(int64_t, int32_t, int32_t) const {}
};

}  // namespace whittle::cuda
