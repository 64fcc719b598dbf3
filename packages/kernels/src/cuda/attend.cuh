// Which kernel attends to what. Only shapes are known here: rows that outnumber the tables by far are taken for runs of prompts.
#pragma once

#include "attend-decode.cuh"
#include "attend-rows-launch.cuh"
#include "attend-tiles.cuh"

namespace whittle::cuda {

template <typename T, int dim, int atoms, typename Source>
bool launchTiles(const Call& call, const Source& source, const AttendShape& shape, const Tensor& q, const Tensor& out, const Tensor& stats) {
  using Memory = TileMemory<T, dim, atoms>;
  const dim3 grid(static_cast<unsigned>(divideUp(q.rows(), Memory::rows) * shape.heads));
  if (!call.launch(attendTilesKernel<T, dim, atoms, Source>, grid, dim3(32 * tileWarps), sizeof(Memory), source, shape, q, out, stats)) return false;
  if constexpr (!Source::tabled) return true;
  // What tiles of many tables are left with.
  RowsPlan plan = planRows(shape, true);
  plan.tileRows = Memory::rows;
  return launchRows(call, source, shape, plan, q, out, stats);
}

// The tensor cores take whole packs of one 16-bit type.
template <typename Source>
bool fitsTensorCores(const Source& source, const AttendShape& shape, const Tensor& q, const Tensor& out) {
  return q.dtype != DType::f32 && q.dtype == source.keys.dtype && q.dtype == source.values.dtype &&
         shape.headDim == shape.valueDim && (shape.headDim == 64 || shape.headDim == 128) && alignedRows(q) && alignedRows(out) &&
         alignedRows(source.keys) && alignedRows(source.values);
}

template <typename T, int dim, typename Source>
bool attendInTiles(const Call& call, const Source& source, const AttendShape& shape, const Tensor& q, const Tensor& out, const Tensor& stats) {
  // Twice the rows read each key half as often, if enough blocks are left.
  const bool large = divideUp(q.rows(), 128) * shape.heads >= 2 * call.machine.multiprocessors;
  return large ? launchTiles<T, dim, 2>(call, source, shape, q, out, stats) : launchTiles<T, dim, 1>(call, source, shape, q, out, stats);
}

// `inRuns`: most rows follow another that sees the same keys and perhaps some less.
template <typename Source>
bool attend(const Call& call, const Source& source, const AttendShape& shape, const Tensor& q, const Tensor& out, const Tensor& stats,
            bool inRuns) {
  if (q.rows() == 0) return true;
  if (shape.headDim > maximalHeadDim || shape.valueDim > maximalHeadDim) {
    return call.fail("head dimensions go up to %d, but are %d and %d", maximalHeadDim, shape.headDim, shape.valueDim);
  }
  if (!fitsTensorCores(source, shape, q, out) || (inRuns && shape.scale == 0)) {
    return launchRows(call, source, shape, planRows(shape, inRuns), q, out, stats);
  }
  const auto launch = [&]<typename T, int dim>() {
    return inRuns ? attendInTiles<T, dim>(call, source, shape, q, out, stats) : launchDecode<T, dim>(call, source, shape, q, out, stats);
  };
  const auto launchFor = [&]<typename T>() {
    return shape.headDim == 64 ? launch.template operator()<T, 64>() : launch.template operator()<T, 128>();
  };
  return q.dtype == DType::bf16 ? launchFor.template operator()<BF16>() : launchFor.template operator()<F16>();
}

inline AttendShape attendShape(const Call& call, const Tensor& q, const Tensor& values, int32_t scale) {
  AttendShape shape{};
  shape.heads = static_cast<int32_t>(call.integer(0));
  shape.kvHeads = static_cast<int32_t>(call.integer(1));
  shape.headDim = static_cast<int32_t>(q.columns() / shape.heads);
  shape.valueDim = static_cast<int32_t>(values.columns() / shape.kvHeads);
  shape.scale = call.number(scale);
  return shape;
}

}  // namespace whittle::cuda
