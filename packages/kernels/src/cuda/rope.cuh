// Rotation of the halves of heads by the angles of their row.
#pragma once

#include "elementwise.cuh"

namespace whittle::cuda {

// One tensor and where it goes; a thread works on a chunk of a head's first half and the same of its second.
struct Rotated {
  Tensor x, y;
  int chunks;
};

template <typename T>
__device__ inline void rotateChunk(const Rotated& part, const Tensor& table, int chunk, bool packed) {
  const int64_t row = blockIdx.x;
  const int half = static_cast<int>(table.columns() / 2), chunksPerHead = (half + chunkSize - 1) / chunkSize;
  const int place = chunk % chunksPerHead * chunkSize, left = half - place;
  const int64_t first = int64_t{chunk / chunksPerHead} * 2 * half + place;
  const float* const angles = table.row<const float>(row) + place;
  const T* const source = part.x.row<const T>(row) + first;
  T* const target = part.y.row<T>(row) + first;
  const Chunk a = loadChunk(source, left, packed), b = loadChunk(source + half, left, packed);
  const Chunk cos = loadChunk(angles, left, packed), sin = loadChunk(angles + half, left, packed);
  Chunk low, high;
#pragma unroll
  for (int i = 0; i < chunkSize; i++) {
    low.x[i] = fmaf(a.x[i], cos.x[i], -(b.x[i] * sin.x[i]));
    high.x[i] = fmaf(b.x[i], cos.x[i], a.x[i] * sin.x[i]);
  }
  storeChunk(target, low, left, packed);
  storeChunk(target + half, high, left, packed);
}

template <typename T>
__global__ void ropeKernel(Rotated q, Rotated k, Tensor table, bool packed) {
  const int chunk = static_cast<int>(chunkIndex());
  afterPrevious();
  if (chunk < q.chunks) {
    rotateChunk<T>(q, table, chunk, packed);
  } else if (chunk < q.chunks + k.chunks) {
    rotateChunk<T>(k, table, chunk - q.chunks, packed);
  }
}

inline Rotated rotated(const Tensor& x, const Tensor& y, const Tensor& table) {
  const int64_t half = table.columns() / 2;
  return {x, y, static_cast<int>(x.columns() / (2 * half) * divideUp(half, chunkSize))};
}

// `k` may be empty.
inline bool rotate(const Call& call, const Rotated& q, const Rotated& k, const Tensor& table) {
  const bool packed = table.columns() % (2 * chunkSize) == 0 && packedRows(table) && packedRows(q.x) && packedRows(q.y) && packedRows(k.x) &&
                      packedRows(k.y);
  const auto [grid, block] = rowGrid(table.rows(), q.chunks + k.chunks);
  return withFloatType(q.y.dtype, [&]<typename T>() { return call.launch(ropeKernel<T>, grid, block, 0, q, k, table, packed); });
}

}  // namespace whittle::cuda
