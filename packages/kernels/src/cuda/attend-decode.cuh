// Attention of single rows over many keys, limited by reading the keys: all query heads of a key head go together over the row's list, several warps over one
// list, and several blocks where there are few lists. For 16-bit types. Source: Dao et al. 2023 (Flash-Decoding).
#pragma once

#include "attend-decode-warp.cuh"
#include "attend-splits.cuh"

namespace whittle::cuda {

// Warps of a block: many where there are few lists of keys, so that few parts remain to be folded.
constexpr int manyDecodeWarps = 8;
constexpr int fewDecodeWarps = 4;

// Blocks that a multiprocessor holds at once, by their registers.
template <int dim, int warps>
constexpr int decodeBlocks = warps == fewDecodeWarps ? 4 : dim == 64 ? 2 : 1;

struct DecodePlan {
  // Query heads of a block, and blocks that share a group.
  int32_t heads;
  int32_t headParts;
  // Blocks that may share a row's keys.
  int32_t splits;
};

// What some parts of one softmax count for in their sum. `part(i)` gives the statistics of part i.
template <int parts>
struct PartWeights {
  PartStats total{minusInfinity, 0};
  float weight[parts];

  template <typename Part>
  __device__ explicit PartWeights(Part&& part) {
    PartStats own[parts];
#pragma unroll
    for (int i = 0; i < parts; i++) {
      own[i] = part(i);
      total.max = largerOrNaN(total.max, own[i].max);
    }
#pragma unroll
    for (int i = 0; i < parts; i++) {
      weight[i] = weightOf(own[i].max, total.max);
      total.sum = fmaf(own[i].sum, weight[i], total.sum);
    }
  }
};

// The element of all parts of a row in the store, first to last: those of blocks that are through.
__device__ inline FoldedPart foldStored(const PartStore& parts, int64_t row, int32_t head, int32_t column, int32_t count) {
  FoldedPart folded{{minusInfinity, 0}, 0};
  for (int base = 0; base < count; base += foldedAtOnce) {
    const auto present = [&](int i) { return base + i < count; };
    PartStats stats[foldedAtOnce];
    float values[foldedAtOnce];
#pragma unroll
    for (int i = 0; i < foldedAtOnce; i++) {
      const int64_t at = parts.place(row, present(i) ? base + i : base, head);
      stats[i] = parts.readStats(at);
      values[i] = parts.readValue(at, column);
    }
    const PartWeights<foldedAtOnce> some([&](int i) { return present(i) ? stats[i] : PartStats{minusInfinity, 0}; });
    float value = 0;
#pragma unroll
    for (int i = 0; i < foldedAtOnce; i++) value = fmaf(values[i], some.weight[i], value);
    const FoldWeights weights = foldStats(folded.stats, some.total);
    folded = {weights.stats, foldValue(folded.value, value, weights)};
  }
  return folded;
}

template <typename T, int dim, int warps>
constexpr size_t decodeBytes(int heads) {
  return DecodeWarp<T, dim, PagedKeys>::queryPacks * sizeof(uint4) + warps * heads * (dim * sizeof(float) + sizeof(PartStats));
}

template <typename T, int dim, int warps, typename Source>
__global__ void __launch_bounds__(32 * warps, decodeBlocks<dim, warps>)
    attendDecodeKernel(Source source, AttendShape shape, DecodePlan plan, Tensor q, Tensor out, Tensor stats, PartStore parts) {
  using Warp = DecodeWarp<T, dim, Source>;
  static_assert(warps % 2 == 0, "what stands behind the statistics is read 16 bytes at a time");
  WHITTLE_SHARED(shared);
  const int warp = threadIdx.x / 32;
  const int blocksOfRow = shape.kvHeads * plan.headParts;
  const int64_t row = blockIdx.x / blocksOfRow;
  const int place = static_cast<int>(blockIdx.x) % blocksOfRow, kvHead = place / plan.headParts, part = place % plan.headParts;
  const int firstHead = kvHead * shape.group() + part * plan.heads, heads = min(plan.heads, shape.group() - part * plan.heads);
  auto* const queries = reinterpret_cast<uint4*>(shared);
  auto* const partStats = reinterpret_cast<PartStats*>(queries + Warp::queryPacks);
  auto* const partValues = reinterpret_cast<float*>(partStats + warps * heads);

  letNextStart();
  Warp work(source, row, kvHead, place == 0, queries, shape.scale);
  const int split = static_cast<int>(blockIdx.y);
  int splits = 1;
  const auto aim = [&] {
    work.find();
    const int tiles = (work.count() + decodeKeys - 1) / decodeKeys, together = max(warps, (tiles + plan.splits - 1) / plan.splits);
    splits = max(1, (tiles + together - 1) / together);
    work.aim(split * together + warp, min(tiles, (split + 1) * together), warps);
  };
  if (source.settled) aim();
  awaitPrevious();
  if (!source.settled) aim();
  if (split == 0 && warp == 0) work.reportRow();
  if (split >= splits) return;
  work.start();
  for (int i = threadIdx.x; i < Warp::queryPacks; i += 32 * warps) {
    const int head = i % 32 / 4, column = i / 32 * 32 + i % 4 * 8;
    queries[i] = head < heads ? *reinterpret_cast<const uint4*>(q.row<const T>(row) + int64_t{firstHead + head} * dim + column) : make_uint4(0, 0, 0, 0);
  }
  __syncthreads();
  work.attend();

  work.give(
      heads, [&](int query, const PartStats& own) { partStats[query * warps + warp] = own; },
      [&](int query, int column, const float(&eight)[8]) {
        auto* const target = reinterpret_cast<float4*>(partValues + (warp * heads + query) * dim + column);
        target[0] = {eight[0], eight[1], eight[2], eight[3]};
        target[1] = {eight[4], eight[5], eight[6], eight[7]};
      });
  __syncthreads();
  const auto finish = [&](int query, int column, const PartStats& total, float value) {
    const int64_t head = firstHead + query;
    const float sum = normaliser(total, work.count());
    out.row<T>(row)[head * dim + column] = fromFloat<T>(work.count() == 0 ? 0.0f : value / sum);
    if (column == 0 && stats.present()) *reinterpret_cast<float2*>(stats.row<float>(row) + 2 * head) = {total.max, sum};
  };
  for (int element = threadIdx.x; element < heads * dim; element += 32 * warps) {
    const int query = element / dim, column = element % dim;
    const PartWeights<warps> weights([&](int w) { return partStats[query * warps + w]; });
    float value = 0;
#pragma unroll
    for (int w = 0; w < warps; w++) value = fmaf(partValues[w * heads * dim + element], weights.weight[w], value);
    if (splits == 1) {
      finish(query, column, weights.total, value);
    } else {
      parts.store(row, split, firstHead + query, column, weights.total, value);
    }
  }
  if (splits == 1 || !arrivesLast(parts.tickets + blockIdx.x, splits)) return;
  for (int element = threadIdx.x; element < heads * dim; element += 32 * warps) {
    const int query = element / dim, column = element % dim;
    const auto folded = foldStored(parts, row, firstHead + query, column, splits);
    finish(query, column, folded.stats, folded.value);
  }
}

template <typename T, int dim, typename Source>
bool launchDecode(const Call& call, const Source& source, const AttendShape& shape, const Tensor& q, const Tensor& out, const Tensor& stats) {
  const int32_t group = shape.group();
  DecodePlan plan{};
  plan.heads = group < decodeQueries ? group : decodeQueries;
  plan.headParts = static_cast<int32_t>(divideUp(group, plan.heads));
  const int64_t lists = q.rows() * shape.kvHeads * plan.headParts;
  const auto launch = [&]<int warps>() {
    plan.splits = evenSplits(lists, divideUp(source.capacity(), decodeKeys * warps), int64_t{decodeBlocks<dim, warps>} * call.machine.multiprocessors);
    PartStore parts;
    if (!takeParts(call, lists, q.rows(), shape, plan.splits, parts)) return false;
    return call.launch(attendDecodeKernel<T, dim, warps, Source>, dim3(static_cast<unsigned>(lists), static_cast<unsigned>(plan.splits)),
                       dim3(32 * warps), decodeBytes<T, dim, warps>(plan.heads), source, shape, plan, q, out, stats, parts);
  };
  return lists <= call.machine.multiprocessors ? launch.template operator()<manyDecodeWarps>() : launch.template operator()<fewDecodeWarps>();
}

}  // namespace whittle::cuda
