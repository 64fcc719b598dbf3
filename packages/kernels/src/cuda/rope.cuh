// Rotation of pairs of heads' elements by the angles of their row: pairs half a head apart, or (interleaved) side by side; half a head apart they come out.
#pragma once

#include "elementwise.cuh"

namespace whittle::cuda {

// One tensor and where it goes; a thread works on a chunk of a head's first half and the same of its second, or on the pairs that become those.
struct Rotated {
  Tensor x, y;
  int chunks;
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

template <typename T, bool interleaved, bool whole>
__device__ inline void rotateChunk(const Rotated& part, const Tensor& table, int chunk) {
  const int64_t row = blockIdx.x;
  const int half = static_cast<int>(table.columns() / 2), chunksPerHead = (half + chunkSize - 1) / chunkSize;
  const int place = chunk % chunksPerHead * chunkSize, left = half - place;
  const int64_t head = int64_t{chunk / chunksPerHead} * 2 * half;
  const float* const angles = table.row<const float>(row) + place;
  const T* const source = part.x.row<const T>(row) + head;
  T* const target = part.y.row<T>(row) + head + place;
  Chunk a, b;
  if constexpr (interleaved) {
    loadPairs<whole>(source + 2 * place, left, a, b);
  } else {
    a = loadChunk<whole>(source + place, left);
    b = loadChunk<whole>(source + half + place, left);
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
}

template <typename T, bool interleaved, bool whole>
__global__ void ropeKernel(Rotated q, Rotated k, Tensor table) {
  const int chunk = static_cast<int>(chunkIndex());
  afterPrevious();
  if (chunk < q.chunks) {
    rotateChunk<T, interleaved, whole>(q, table, chunk);
  } else if (chunk < q.chunks + k.chunks) {
    rotateChunk<T, interleaved, whole>(k, table, chunk - q.chunks);
  }
}

inline Rotated rotated(const Tensor& x, const Tensor& y, const Tensor& table) {
  const int64_t half = table.columns() / 2;
  return {x, y, static_cast<int>(x.columns() / (2 * half) * divideUp(half, chunkSize))};
}

// `k` may be empty.
inline bool rotate(const Call& call, const Rotated& q, const Rotated& k, const Tensor& table, bool interleaved) {
  // Both halves of a head are whole chunks, and so is everything else.
  const bool whole = table.columns() % (2 * chunkSize) == 0 && wholeRows(table) && wholeRows(q.x) && wholeRows(q.y) &&
                     (k.chunks == 0 || (wholeRows(k.x) && wholeRows(k.y)));
  const auto [grid, block] = rowGrid(table.rows(), q.chunks + k.chunks);
  return withChunks(q.y.dtype, whole, [&]<typename T, bool chunks>() {
    return interleaved ? call.launch(ropeKernel<T, true, chunks>, grid, block, 0, q, k, table)
                       : call.launch(ropeKernel<T, false, chunks>, grid, block, 0, q, k, table);
  });
}

}  // namespace whittle::cuda
