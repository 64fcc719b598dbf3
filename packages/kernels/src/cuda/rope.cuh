// Rotation of pairs of heads' elements by the angles of their row: pairs half a head apart, or (interleaved) side by side; half a head apart they come out. A decode
// step waits for it 32 times, so it also appends to the cache where both are launched as one.
#pragma once

#include "elementwise.cuh"

namespace whittle::cuda {

// One or two tensors and where they go; heads from `queryHeads` on are k's.
struct Rotation {
  Tensor q, k, table, rotatedQ, rotatedK;
  int32_t queryHeads, heads;
};

// Where the rotated keys go too, and the values as they are.
struct AppendedRows {
  Tensor v, keys, values, slots;
  bool slotsSettled;
  // Blocks along y from here on are for values.
  int32_t firstBlock;
};

// The even and the odd elements of what follows `source`, which has `left` pairs.
template <bool whole, typename T>
__device__ inline void loadPairs(const T* source, int left, Chunk& even, Chunk& odd) {
  static_assert(chunkSize % 2 == 0);
  const Chunk parts[2] = {loadChunk<whole>(source, 2 * left), loadChunk<whole>(source + chunkSize, 2 * left - chunkSize)};
#pragma unroll
  for (int i = 0; i < chunkSize; i++) {
    even.x[i] = parts[2 * i / chunkSize].x[2 * i % chunkSize];
    odd.x[i] = parts[2 * i / chunkSize].x[2 * i % chunkSize + 1];
  }
}

// What a chunk is after it was stored as T.
template <typename T>
__device__ inline Chunk rounded(Chunk chunk) {
#pragma unroll
  for (int i = 0; i < chunkSize; i++) chunk.x[i] = toFloat(fromFloat<T>(chunk.x[i]));
  return chunk;
}

// The chunk of values of this thread of the blocks for values, whose first is `block` 0.
template <typename T, bool whole>
__device__ inline void appendValues(const AppendedRows& appended, int64_t row, int32_t slot, int block) {
  const int thread = threadIdx.y * blockDim.x + threadIdx.x, columns = static_cast<int>(appended.v.columns());
  const int first = (block * static_cast<int>(blockDim.x * blockDim.y) + thread) * chunkSize;
  if (slot < 0 || first >= columns) return;
  storeRow<whole>(appended.values, slot, first, loadChunk<whole>(appended.v.row<const T>(row) + first, columns - first));
}

// A thread works on a chunk of a head's first half and the same of its second, or on the pairs that become those: along x lie the chunks of half a head, along y heads.
template <typename T, bool interleaved, bool whole, bool appends>
__global__ void rotateKernel(const __grid_constant__ Rotation rotation, const __grid_constant__ AppendedRows appended, Faults faults) {
  const int64_t row = blockIdx.x;
  const int half = static_cast<int>(rotation.table.columns() / 2), place = threadIdx.x * chunkSize, left = half - place;
  const int block = blockIdx.y, head = block * blockDim.y + threadIdx.y;
  // Threads beyond the heads have an address of the last one.
  const int known = head < rotation.heads ? head : rotation.heads - 1;
  const bool isQuery = known < rotation.queryHeads;
  const int64_t column = int64_t{isQuery ? known : known - rotation.queryHeads} * 2 * half;
  const T* const source = (isQuery ? rotation.q : rotation.k).row<const T>(row) + column + (interleaved ? 2 : 1) * place;
  const float* const angles = rotation.table.row<const float>(row) + place;
  T* const target = (isQuery ? rotation.rotatedQ : rotation.rotatedK).row<T>(row) + column + place;
  letNextStart();
  int32_t slot = -1;
  if (appends && appended.slotsSettled) slot = *appended.slots.row<const int32_t>(row);
  // Else their addresses would be computed after the wait.
  prefetchL2(source);
  prefetchL2(angles);
  prefetchL2(target);
  awaitPrevious();
  if constexpr (appends) {
    if (!appended.slotsSettled) slot = *appended.slots.row<const int32_t>(row);
    if (slot >= appended.keys.rows()) [[unlikely]] {
      if (block == 0 && threadIdx.x == 0 && threadIdx.y == 0) faults.raise(Fault::slotOutside, row, slot, appended.keys.rows());
      slot = -1;
    }
    if (block >= appended.firstBlock) return appendValues<T, whole>(appended, row, slot, block - appended.firstBlock);
  }
  if (head >= rotation.heads) return;
  Chunk a, b;
  if constexpr (interleaved) {
    loadPairs<whole>(source, left, a, b);
  } else {
    a = loadChunk<whole>(source, left);
    b = loadChunk<whole>(source + half, left);
  }
  const Chunk cos = loadChunk<whole>(angles, left), sin = loadChunk<whole>(angles + half, left);
  Chunk low, high;
#pragma unroll
  for (int i = 0; i < chunkSize; i++) {
    low.x[i] = fmaf(a.x[i], cos.x[i], -(b.x[i] * sin.x[i]));
    high.x[i] = fmaf(b.x[i], cos.x[i], a.x[i] * sin.x[i]);
  }
  storeChunk<whole>(target, low, left);
  storeChunk<whole>(target + half, high, left);
  if constexpr (appends) {
    if (isQuery || slot < 0) return;
    storeRow<whole>(appended.keys, slot, column + place, rounded<T>(low), left);
    storeRow<whole>(appended.keys, slot, column + place + half, rounded<T>(high), left);
  }
}

inline Rotation rotationOf(const Tensor& q, const Tensor& k, const Tensor& table, const Tensor& rotatedQ, const Tensor& rotatedK) {
  const auto headsOf = [&table](const Tensor& x) { return x.present() ? static_cast<int32_t>(x.columns() / table.columns()) : 0; };
  return {q, k, table, rotatedQ, rotatedK, headsOf(q), headsOf(q) + headsOf(k)};
}

// Threads of a block unless half a head has more chunks; and at most.
constexpr int64_t ropeThreads = 128, mostRopeThreads = 1024;

template <bool appends>
bool rotate(const Call& call, const Rotation& rotation, bool interleaved, AppendedRows appended = {}) {
  const Tensor& table = rotation.table;
  const int64_t width = divideUp(table.columns() / 2, chunkSize);
  if (width > mostRopeThreads) {
    return call.fail("heads have up to %lld elements, but these have %lld", static_cast<long long>(2 * mostRopeThreads * chunkSize), static_cast<long long>(table.columns()));
  }
  const auto wholePair = [](const Tensor& a, const Tensor& b) { return wholeRows(a) && wholeRows(b); };
  // Both halves of a head are whole chunks, and so is everything else.
  const bool whole = table.columns() % (2 * chunkSize) == 0 && wholeRows(table) && wholePair(rotation.q, rotation.rotatedQ) &&
                     (!rotation.k.present() || wholePair(rotation.k, rotation.rotatedK)) &&
                     (!appends || (wholeRows(appended.keys) && wholePair(appended.v, appended.values)));
  const int64_t heads = width < ropeThreads ? ropeThreads / width : 1, headBlocks = divideUp(rotation.heads, heads);
  const int64_t valueBlocks = appends ? divideUp(appended.v.columns(), width * heads * chunkSize) : 0;
  appended.firstBlock = static_cast<int32_t>(headBlocks);
  const dim3 grid(static_cast<unsigned>(table.rows()), static_cast<unsigned>(headBlocks + valueBlocks));
  const dim3 block(static_cast<unsigned>(width), static_cast<unsigned>(heads));
  return withChunks(rotation.q.dtype, whole, [&]<typename T, bool chunks>() {
    return interleaved ? call.launch(rotateKernel<T, true, chunks, appends>, grid, block, 0, rotation, appended, call.faults)
                       : call.launch(rotateKernel<T, false, chunks, appends>, grid, block, 0, rotation, appended, call.faults);
  });
}

}  // namespace whittle::cuda
