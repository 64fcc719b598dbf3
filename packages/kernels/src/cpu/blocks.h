// GGUF's block formats as kernels read them; core's block-formats.ts says what the bytes mean.
#pragma once

#include "k-blocks.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Every element is the product of an f16 and a small integer, which f32 holds exactly.
struct Q8 {
  struct Stored {
    uint16_t scale;
    int8_t codes[blockElements];
  };
  static constexpr DType dtype = DType::q8_0;
};

struct Q4 {
  struct Stored {
    uint16_t scale;
    uint8_t codes[blockElements / 2];
  };
  static constexpr DType dtype = DType::q4_0;
};

template <>
inline void decodeRow<Q8>(const Q8::Stored* source, float* target, int64_t count) {
  for (int64_t i = 0; i < count; i += blockElements, source++) {
    const Vec scale = splat(scaleOf(source->scale));
    for (int64_t j = 0; j < blockElements; j += 16) {
      eachFloats(loadCodes(source->codes + j), [&](int place, Vec code) { store(target + i + j + place, scale * code); });
    }
  }
}

template <>
inline void decodeRow<Q4>(const Q4::Stored* source, float* target, int64_t count) {
  for (int64_t i = 0; i < count; i += blockElements, source++) {
    const Vec scale = splat(scaleOf(source->scale));
    const Codes16 bytes = loadCodes(source->codes);
    eachFloats((bytes & 15) - 8, [&](int place, Vec code) { store(target + i + place, scale * code); });
    eachFloats((bytes >> 4) - 8, [&](int place, Vec code) { store(target + i + 16 + place, scale * code); });
  }
}

// Calls body(rows) with the rows of a weight of any format.
template <typename Body>
WHITTLE_INLINE void withWeightRows(const Tensor& weight, Body&& body) {
  const auto rowsOf = [&](auto format) {
    using Format = decltype(format);
    body(Rows<Format>{static_cast<const typename Format::Stored*>(weight.data), weight.rowStride / blockElementsOf(Format::dtype)});
  };
  switch (weight.dtype) {
    case DType::q8_0:
      return rowsOf(Q8{});
    case DType::q4_0:
      return rowsOf(Q4{});
    case DType::q4_K:
      return rowsOf(Q4K{});
    case DType::q6_K:
      return rowsOf(Q6K{});
    default:
      return withFormat(weight.dtype, rowsOf);
  }
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
