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

// A whole chunk as it is stored, which costs no instruction and can be on its way while others are asked for.
template <typename T>
struct StoredChunk {
  static constexpr int words = chunkSize * sizeof(T) / sizeof(uint4);
  uint4 word[words];
};

template <typename T>
__device__ inline StoredChunk<T> loadStored(const T* source) {
  StoredChunk<T> stored;
#pragma unroll
  for (int i = 0; i < stored.words; i++) stored.word[i] = reinterpret_cast<const uint4*>(source)[i];
  return stored;
}

template <typename T>
__device__ inline void storeStored(T* target, const StoredChunk<T>& stored) {
#pragma unroll
  for (int i = 0; i < stored.words; i++) reinterpret_cast<uint4*>(target)[i] = stored.word[i];
}

__device__ inline Chunk decode(const StoredChunk<float>& stored) {
  const uint4 a = stored.word[0], b = stored.word[1];
  return {__uint_as_float(a.x), __uint_as_float(a.y), __uint_as_float(a.z), __uint_as_float(a.w),
          __uint_as_float(b.x), __uint_as_float(b.y), __uint_as_float(b.z), __uint_as_float(b.w)};
}

// Two of 16 bits by one instruction each, rounding likewise: taken one by one they are twice as many.
template <typename T>
__device__ inline Chunk decode(const StoredChunk<T>& stored) {
  const uint32_t pairs[chunkSize / 2] = {stored.word[0].x, stored.word[0].y, stored.word[0].z, stored.word[0].w};
  Chunk chunk;
#pragma unroll
  for (int i = 0; i < chunkSize / 2; i++) unpack<T>(pairs[i], chunk.x[2 * i], chunk.x[2 * i + 1]);
  return chunk;
}

template <typename T>
__device__ inline StoredChunk<T> encode(const Chunk& chunk) {
  if constexpr (sizeof(T) == sizeof(float)) {
    const auto bits = [&chunk](int i) { return __float_as_uint(chunk.x[i]); };
    return {uint4{bits(0), bits(1), bits(2), bits(3)}, uint4{bits(4), bits(5), bits(6), bits(7)}};
  } else {
    const auto pair = [&chunk](int i) { return packed<T>(chunk.x[2 * i], chunk.x[2 * i + 1]); };
    return {uint4{pair(0), pair(1), pair(2), pair(3)}};
  }
}

// The sums, each rounded once.
template <typename T>
__device__ inline StoredChunk<T> addStored(const StoredChunk<T>& a, const StoredChunk<T>& b) {
  if constexpr (sizeof(T) == sizeof(float)) {
    Chunk sum = decode(a);
    const Chunk more = decode(b);
#pragma unroll
    for (int i = 0; i < chunkSize; i++) sum.x[i] += more.x[i];
    return encode<T>(sum);
  } else {
    const uint4 p = a.word[0], q = b.word[0];
    return {uint4{addPairs<T>(p.x, q.x), addPairs<T>(p.y, q.y), addPairs<T>(p.z, q.z), addPairs<T>(p.w, q.w)}};
  }
}

// A whole chunk, or at most `left` elements with zeros beyond, `stride` elements apart.
template <bool whole, typename T>
__device__ inline Chunk loadChunk(const T* source, int left, int64_t stride = 1) {
  if constexpr (whole) {
    return decode(loadStored(source));
  } else {
    Chunk chunk;
#pragma unroll
    for (int i = 0; i < chunkSize; i++) chunk.x[i] = i < left ? toFloat(source[i * stride]) : 0.0f;
    return chunk;
  }
}

// Rounded once; whole, or at most `left` elements.
template <bool whole, typename T>
__device__ inline void storeChunk(T* target, const Chunk& chunk, int left) {
  if constexpr (whole) {
    storeStored(target, encode<T>(chunk));
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

// The same of a row, into which go at most `left` elements.
template <bool whole>
__device__ inline void storeRow(const Tensor& tensor, int64_t row, int64_t first, const Chunk& chunk, int left) {
  switch (tensor.dtype) {
    case DType::f16:
      return storeChunk<whole>(tensor.row<F16>(row) + first, chunk, left);
    case DType::bf16:
      return storeChunk<whole>(tensor.row<BF16>(row) + first, chunk, left);
    default:
      return storeChunk<whole>(tensor.row<float>(row) + first, chunk, left);
  }
}

template <bool whole>
__device__ inline void storeRow(const Tensor& tensor, int64_t row, int64_t first, const Chunk& chunk) {
  storeRow<whole>(tensor, row, first, chunk, static_cast<int>(tensor.columns() - first));
}

}  // namespace whittle::cuda
