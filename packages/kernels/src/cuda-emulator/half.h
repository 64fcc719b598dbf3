// f16 and bf16, rounded to nearest, ties to even.
#pragma once

#include <bit>
#include <cstdint>

namespace whittle::cuda {

inline float bfloatToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

inline uint16_t floatToBFloat(float value) {
  if (value != value) return 0x7fff;
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

inline float halfToFloat(uint16_t bits) {
  // The exponent is 112 too small once the fields stand where f32 has them; a multiplication sets it right, also for subnormal numbers.
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t fields = static_cast<uint32_t>(bits & 0x7fff) << 13;
  if (fields >= 0x0f800000) return std::bit_cast<float>(sign | 0x7f800000 | (fields & 0x007fffff));
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(std::bit_cast<float>(fields) * 0x1p112f));
}

inline uint16_t floatToHalf(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7fff;
  // From 65520 on it rounds to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: added to 0.5, the last bit that stays has the weight of f16's smallest number, and the addition rounds.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000));
  }
  const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - 0x38000000) >> 13);
}

}  // namespace whittle::cuda
