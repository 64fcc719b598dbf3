// Eight neighbouring elements of a row: what a thread of an element-wise kernel works on. 16-bit ones are one access of 16 bytes, f32 two.
#pragma once

#include "types.cuh"

namespace whittle::cuda {

constexpr int chunkSize = 8;

struct Chunk {
  float x[chunkSize];
};

// Whether every row is nothing but whole chunks that can be accessed 16 bytes at a time. Kernels come in two kinds, for such tensors and for any: a branch
// between the two within a kernel would have each load waited for before the next is issued.
inline bool wholeRows(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0 && tensor.columns() % chunkSize == 0 &&
         (tensor.rows() <= 1 || tensor.rowStride * bytesOf(tensor.dtype) % 16 == 0);
}

// The same of a rank-1 tensor read along its elements, which a view may have set apart.
inline bool wholeElements(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % 16 == 0 && tensor.rows() % chunkSize == 0 && tensor.rowStride == 1;
}

// Calls `body.template operator()<T, whole>()`.
template <typename Body>
auto withChunks(DType dtype, bool whole, Body&& body) {
  return withFloatType(dtype, [&]<typename T>() { return whole ? body.template operator()<T, true>() : body.template operator()<T, false>(); });
}

// A whole chunk, or at most `left` elements with zeros beyond, `stride` elements apart.
template <bool whole, typename T>
__device__ inline Chunk loadChunk(const T* source, int left, int64_t stride = 1) {
  Chunk chunk;
  if constexpr (whole) {
    Pack<T, packSize<T>> packs[chunkSize / packSize<T>];
#pragma unroll
    for (int part = 0; part < chunkSize / packSize<T>; part++) packs[part] = reinterpret_cast<const Pack<T, packSize<T>>*>(source)[part];
#pragma unroll
    for (int i = 0; i < chunkSize; i++) chunk.x[i] = toFloat(packs[i / packSize<T>].item[i % packSize<T>]);
  } else {
#pragma unroll
    for (int i = 0; i < chunkSize; i++) chunk.x[i] = i < left ? toFloat(source[i * stride]) : 0.0f;
  }
  return chunk;
}

// Rounded once; whole, or at most `left` elements.
template <bool whole, typename T>
__device__ inline void storeChunk(T* target, const Chunk& chunk, int left) {
  if constexpr (whole) {
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

// From `first` on along a rank-1 tensor of any float dtype, of which `left` elements are left.
__device__ inline Chunk loadElements(const Tensor& tensor, int64_t first, int left) {
  switch (tensor.dtype) {
    case DType::f16:
      return loadChunk<false>(tensor.row<const F16>(first), left, tensor.rowStride);
    case DType::bf16:
      return loadChunk<false>(tensor.row<const BF16>(first), left, tensor.rowStride);
    default:
      return loadChunk<false>(tensor.row<const float>(first), left, tensor.rowStride);
  }
}

// Column `first` of a row of a tensor of any float dtype, and what follows it.
template <bool whole>
__device__ inline Chunk loadRow(const Tensor& tensor, int64_t row, int64_t first) {
  const int left = static_cast<int>(tensor.columns() - first);
  switch (tensor.dtype) {
    case DType::f16:
      return loadChunk<whole>(tensor.row<const F16>(row) + first, left);
    case DType::bf16:
      return loadChunk<whole>(tensor.row<const BF16>(row) + first, left);
    default:
      return loadChunk<whole>(tensor.row<const float>(row) + first, left);
  }
}

template <bool whole>
__device__ inline void storeRow(const Tensor& tensor, int64_t row, int64_t first, const Chunk& chunk) {
  const int left = static_cast<int>(tensor.columns() - first);
  switch (tensor.dtype) {
    case DType::f16:
      return storeChunk<whole>(tensor.row<F16>(row) + first, chunk, left);
    case DType::bf16:
      return storeChunk<whole>(tensor.row<BF16>(row) + first, chunk, left);
    default:
      return storeChunk<whole>(tensor.row<float>(row) + first, chunk, left);
  }
}

}  // namespace whittle::cuda
