// Eight neighbouring elements of a row: what a thread of an element-wise kernel works on. 16-bit ones are one access of 16 bytes, f32 two.
#pragma once

#include "types.cuh"

namespace whittle::cuda {

constexpr int chunkSize = 8;

struct Chunk {
  float x[chunkSize];
};

// Whether every row, and what lies a whole number of chunks into it, can be read 16 bytes at a time.
inline bool packedRows(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0 && (tensor.rows() <= 1 || tensor.rowStride * bytesOf(tensor.dtype) % 16 == 0);
}

// The same of a rank-1 tensor read along its elements, which a view may have set apart.
inline bool packedElements(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0 && tensor.rowStride == 1;
}

// At most `left` elements, zeros beyond; `stride` elements apart, which must be 1 if `packed`.
template <typename T>
__device__ inline Chunk loadChunk(const T* source, int left, bool packed, int64_t stride = 1) {
  Chunk chunk;
  if (packed && left >= chunkSize) {
#pragma unroll
    for (int part = 0; part < chunkSize / packSize<T>; part++) {
      const auto pack = reinterpret_cast<const Pack<T, packSize<T>>*>(source)[part];
#pragma unroll
      for (int i = 0; i < packSize<T>; i++) chunk.x[part * packSize<T> + i] = toFloat(pack.item[i]);
    }
  } else {
#pragma unroll
    for (int i = 0; i < chunkSize; i++) chunk.x[i] = i < left ? toFloat(source[i * stride]) : 0.0f;
  }
  return chunk;
}

// Rounded once; at most `left` elements.
template <typename T>
__device__ inline void storeChunk(T* target, const Chunk& chunk, int left, bool packed) {
  if (packed && left >= chunkSize) {
#pragma unroll
    for (int part = 0; part < chunkSize / packSize<T>; part++) {
      Pack<T, packSize<T>> pack;
#pragma unroll
      for (int i = 0; i < packSize<T>; i++) pack.item[i] = fromFloat<T>(chunk.x[part * packSize<T> + i]);
      reinterpret_cast<Pack<T, packSize<T>>*>(target)[part] = pack;
    }
  } else {
#pragma unroll
    for (int i = 0; i < chunkSize; i++) {
      if (i < left) target[i] = fromFloat<T>(chunk.x[i]);
    }
  }
}

// From `first` on along a rank-1 tensor of any float dtype.
__device__ inline Chunk loadElements(const Tensor& tensor, int64_t first, bool packed) {
  const int left = static_cast<int>(tensor.rows() - first);
  const int64_t stride = tensor.rowStride;
  switch (tensor.dtype) {
    case DType::f16:
      return loadChunk(tensor.row<const F16>(first), left, packed, stride);
    case DType::bf16:
      return loadChunk(tensor.row<const BF16>(first), left, packed, stride);
    default:
      return loadChunk(tensor.row<const float>(first), left, packed, stride);
  }
}

// Column `first` of a row of a tensor of any float dtype, and what follows it.
__device__ inline Chunk loadRow(const Tensor& tensor, int64_t row, int64_t first, bool packed) {
  const int left = static_cast<int>(tensor.columns() - first);
  switch (tensor.dtype) {
    case DType::f16:
      return loadChunk(tensor.row<const F16>(row) + first, left, packed);
    case DType::bf16:
      return loadChunk(tensor.row<const BF16>(row) + first, left, packed);
    default:
      return loadChunk(tensor.row<const float>(row) + first, left, packed);
  }
}

__device__ inline void storeRow(const Tensor& tensor, int64_t row, int64_t first, const Chunk& chunk, bool packed) {
  const int left = static_cast<int>(tensor.columns() - first);
  switch (tensor.dtype) {
    case DType::f16:
      return storeChunk(tensor.row<F16>(row) + first, chunk, left, packed);
    case DType::bf16:
      return storeChunk(tensor.row<BF16>(row) + first, chunk, left, packed);
    default:
      return storeChunk(tensor.row<float>(row) + first, chunk, left, packed);
  }
}

}  // namespace whittle::cuda
