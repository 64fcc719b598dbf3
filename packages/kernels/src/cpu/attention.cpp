#include "attend.h"

namespace WHITTLE_KERNEL_NAMESPACE {

namespace {

// Keys that stand next to each other, a range for each row.
struct Ranges {
  using Format = F32;
  const Tensor& keys;
  const Tensor& values;
  const Tensor& ranges;

  int64_t from(int64_t row) const { return ranges.row<const int32_t>(row)[0]; }
  int64_t count(int64_t row) const {
    const int64_t count = ranges.row<const int32_t>(row)[1] - from(row);
    return count > 0 ? count : 0;
  }

  template <typename Visit>
  void eachRun(const RowBlock& block, int64_t first, int64_t count, Visit visit) const {
    if (count > 0) visit(0, from(block.first) + first, count);
  }
};

}  // namespace

static bool attention(const Call& call) {
  const Tensor &q = call[0], &k = call[1], &v = call[2], &ranges = call[3], &out = call[4];
  const int64_t heads = call.integer(0), kvHeads = call.integer(1);
  const AttendShape shape{heads, kvHeads, q.columns() / heads, v.columns() / kvHeads, call.number(2)};
  const Ranges source{k, v, ranges};
  static thread_local Scratch<RowBlock> blockScratch;
  RowBlock* blocks = blockScratch.get(q.rows());
  int64_t count = 0;
  for (int64_t row = 0; row < q.rows(); row++) {
    const int32_t* range = ranges.row<const int32_t>(row);
    if (range[0] < 0 || range[1] > k.rows()) {
      return call.fail("row %lld sees keys %d to %d of %lld", static_cast<long long>(row), range[0], range[1],
                       static_cast<long long>(k.rows()));
    }
    const int64_t keys = source.count(row);
    RowBlock* last = blocks + count - 1;
    if (count > 0 && last->rows < rowsPerBlock(shape) && source.from(last->first) == range[0]) {
      last->rows++;
      last->keys = keys > last->keys ? keys : last->keys;
    } else {
      blocks[count++] = {row, 1, keys};
    }
  }
  Attend(call, source, shape, q, out, nullptr).run(blocks, count);
  return true;
}

WHITTLE_KERNEL("attention", attention);

}  // namespace WHITTLE_KERNEL_NAMESPACE
