// How the rows of an attention are shared out to the blocks of `attendRowsKernel`.
#pragma once

#include "attend-rows.cuh"
#include "attend-splits.cuh"

namespace whittle::cuda {

// What a row's keys are cut into in f32, so that its bits do not depend on the rest of the call.
constexpr int32_t fixedTilesInF32 = 8;
// Warps that a multiprocessor holds at once at head dimension 128 (26 KB of shared memory each), and those of a block: few where there are blocks enough, so
// that the warps' tiles come out even and blocks begin and end beside others that read.
constexpr int64_t rowWarpsPerMultiprocessor = 8;
constexpr int32_t mostRowWarps = 4;
constexpr int32_t fewRowWarps = 2;

// Whether every row begins where 16 bytes can be read at once.
inline bool alignedRows(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0 && (tensor.rows() <= 1 || tensor.rowStride * bytesOf(tensor.dtype) % 16 == 0);
}

template <typename Source>
bool launchRows(const Call& call, const Source& source, const AttendShape& shape, RowsPlan plan, const Tensor& q, const Tensor& out,
                const Tensor& stats) {
  const int64_t rowBlocks = divideUp(q.rows(), plan.rows), blocks = rowBlocks * shape.kvHeads * plan.headParts;
  const int64_t capacity = source.capacity(), tiles = divideUp(capacity, warpKeys);
  plan.fixedTiles = q.dtype == DType::f32 ? fixedTilesInF32 : 0;
  const int64_t places = rowWarpsPerMultiprocessor * call.machine.multiprocessors;
  // Which warp has which keys shows in the bits: in f32 it is always the same.
  const int32_t warps = plan.fixedTiles == 0 && blocks > places / mostRowWarps ? fewRowWarps : mostRowWarps;
  const int64_t slots = places / warps;
  if (plan.tileRows > 0 || tiles <= 1) {
    plan.splits = 1;
  } else if (plan.fixedTiles > 0) {
    plan.splits = blocks >= slots ? 1 : static_cast<int32_t>(divideUp(tiles, plan.fixedTiles));
  } else {
    plan.splits = evenSplits(blocks, tiles, slots);
  }
  PartStore parts;
  if (!takeParts(call, blocks, q.rows(), shape, plan.splits, parts)) return false;
  return withFloatType(source.keys.dtype, [&]<typename W>() {
    plan.keyPacks = static_cast<int32_t>(divideUp(shape.headDim, packSize<W>));
    plan.valuePacks = static_cast<int32_t>(divideUp(shape.valueDim, packSize<W>));
    plan.keysPacked = alignedRows(source.keys) && shape.headDim % packSize<W> == 0;
    plan.valuesPacked = alignedRows(source.values) && shape.valueDim % packSize<W> == 0;
    const auto launch = [&]<int queries>() {
      using Block = RowsBlock<W, queries, Source>;
      // As many as fit with the most queries, so that f32 results do not depend on how many there are.
      for (plan.warps = warps; plan.warps > 1 && RowsBlock<W, 8, Source>::bytes(shape, plan) > static_cast<size_t>(call.machine.sharedBytes);) {
        plan.warps /= 2;
      }
      const dim3 grid(static_cast<unsigned>(rowBlocks), static_cast<unsigned>(shape.kvHeads * plan.headParts),
                      static_cast<unsigned>(plan.splits));
      return call.launch(attendRowsKernel<W, queries, Source>, grid, dim3(static_cast<unsigned>(32 * plan.warps)), Block::bytes(shape, plan),
                         source, shape, plan, q, out, stats, parts);
    };
    const int queries = plan.rows * plan.heads;
    if (queries == 1) return launch.template operator()<1>();
    if (queries == 2) return launch.template operator()<2>();
    if (queries <= 4) return launch.template operator()<4>();
    return launch.template operator()<8>();
  });
}

// Rows of a decode step: each for itself, all query heads of a key head together, eight at most. Rows in runs: as many together as make eight queries.
inline RowsPlan planRows(const AttendShape& shape, bool inRuns) {
  RowsPlan plan{};
  const int32_t group = shape.group();
  plan.heads = group < 8 ? group : 8;
  plan.headParts = (group + plan.heads - 1) / plan.heads;
  plan.rows = 1;
  while (inRuns && 2 * plan.rows * plan.heads <= 8) plan.rows *= 2;
  return plan;
}

}  // namespace whittle::cuda
