// What attention is given: sizes, rows that share their keys, and the pieces of work that they are cut into.
#pragma once

#include "attend-lanes.h"

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
  // Few queries are not worth widening keys and values for; these are then read in whole vectors where they are stored.
  bool fewQueries(int64_t rows) const { return rows * group() <= kFewQueries && valueStride() == valueDim; }
  // Key heads that go through a tile one after the other. For few queries: as many as a part of the second-level cache holds.
  int64_t headsTogether(int64_t rows) const {
    if (!fewQueries(rows)) return 1;
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
  return shape.group() >= kBlockQueries ? 1 : kBlockQueries / shape.group();
}

// One block of rows and some key heads. Queries are numbered head by head, within it row by row, within it by head of the group.
struct AttendItem {
  RowBlock block;
  int64_t firstHead;
  int64_t kvHeads;
  // Of one key head.
  int64_t queries;

  int64_t allQueries() const { return queries * kvHeads; }
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
