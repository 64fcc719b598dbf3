// A tensor as kernels of any device see it.
#pragma once

#include <cstdint>

namespace whittle {

// Numbers as in core's dtypes.ts.
enum class DType : int32_t { f32 = 0, f16 = 1, bf16 = 2, i32 = 3, i8 = 4, u8 = 5, q8_0 = 6, q4_0 = 7, q4_K = 8, q6_K = 9 };

// Elements of a block of q8_0 and q4_0 (core's block-formats.ts has their bytes), which lie along a row.
constexpr int64_t blockElements = 32;

// Elements that are stored together: 1 where there are no blocks.
constexpr int64_t blockElementsOf(DType dtype) {
  switch (dtype) {
    case DType::q8_0:
    case DType::q4_0:
      return blockElements;
    case DType::q4_K:
    case DType::q6_K:
      return 256;
    default:
      return 1;
  }
}

constexpr bool isBlock(DType dtype) {
  return blockElementsOf(dtype) > 1;
}

// Bytes of so many elements: of block formats a multiple of a block's.
constexpr int64_t bytesOf(DType dtype, int64_t elements = 1) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
      return 4 * elements;
    case DType::f16:
    case DType::bf16:
      return 2 * elements;
    case DType::i8:
    case DType::u8:
      return elements;
    case DType::q8_0:
      return elements / blockElements * 34;
    case DType::q4_0:
      return elements / blockElements * 18;
    case DType::q4_K:
      return elements / blockElementsOf(dtype) * 144;
    case DType::q6_K:
      return elements / blockElementsOf(dtype) * 210;
  }
  return 0;
}

// A row-major tensor whose leading rows lie `rowStride` elements apart. An optional argument that was left out has no data.
struct Tensor {
  void* data = nullptr;
  DType dtype = DType::f32;
  int32_t rank = 0;
  int64_t rowStride = 0;
  int64_t dims[4] = {1, 1, 1, 1};

  // constexpr, so that CUDA kernels may call them.
  constexpr bool present() const { return data != nullptr; }
  constexpr int64_t rows() const { return rank == 0 ? 1 : dims[0]; }
  // Elements of one leading row.
  constexpr int64_t columns() const { return dims[1] * dims[2] * dims[3]; }
  template <typename T>
  constexpr T* row(int64_t index) const {
    return static_cast<T*>(data) + index * rowStride;
  }
};

}  // namespace whittle
