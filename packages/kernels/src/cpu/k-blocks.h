// GGUF's block formats with scales of two levels; core's block-formats.ts says what the bytes mean.
#pragma once

#include "dot-tile.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// An f16.
WHITTLE_INLINE float scaleOf(uint16_t bits) {
#ifdef WHITTLE_AVX2
  return _cvtsh_ss(bits);
#else
  return F16::decode(bits);
#endif
}

// An element is step · code − offset, both products exact in f32 and their difference rounded once: the same with and without fused
// multiply-add.
struct Q4K {
  struct Stored {
    uint16_t scale;
    uint16_t minScale;
    uint8_t scales[12];
    uint8_t codes[128];
  };
  static constexpr DType dtype = DType::q4_K;
};
static_assert(sizeof(Q4K::Stored) == 144);

// An element is step · (code − 32), which f32 holds exactly.
struct Q6K {
  struct Stored {
    uint8_t low[128];
    uint8_t high[64];
    int8_t scales[16];
    uint16_t scale;
  };
  static constexpr DType dtype = DType::q6_K;
};
static_assert(sizeof(Q6K::Stored) == 210);

// The 6-bit scales of a q4_K block's eight runs of 32, then their mins.
WHITTLE_INLINE void unpackScales(const uint8_t* packed, uint8_t* scales) {
  uint32_t words[3], unpacked[4];
  std::memcpy(words, packed, sizeof words);
  unpacked[0] = words[0] & 0x3f3f3f3f;
  unpacked[1] = (words[2] & 0x0f0f0f0f) | (words[0] >> 2 & 0x30303030);
  unpacked[2] = words[1] & 0x3f3f3f3f;
  unpacked[3] = (words[2] >> 4 & 0x0f0f0f0f) | (words[1] >> 2 & 0x30303030);
  std::memcpy(scales, unpacked, sizeof unpacked);
}

inline void decodeBlock(const Q4K::Stored& block, float* target) {
  uint8_t scales[16];
  unpackScales(block.scales, scales);
  const float scale = scaleOf(block.scale), minScale = scaleOf(block.minScale);
  for (int run = 0; run < 8; run += 2, target += 64) {
    const uint8_t* codes = block.codes + 16 * run;
    const float steps[2] = {scale * scales[run], scale * scales[run + 1]};
    const float offsets[2] = {minScale * scales[8 + run], minScale * scales[9 + run]};
    for (int i = 0; i < 32; i++) {
      target[i] = steps[0] * static_cast<float>(codes[i] & 15) - offsets[0];
      target[i + 32] = steps[1] * static_cast<float>(codes[i] >> 4) - offsets[1];
    }
  }
}

inline void decodeBlock(const Q6K::Stored& block, float* target) {
  const float scale = scaleOf(block.scale);
  // Sixteen elements of each of a half's four runs of 32, which share their upper bits' bytes.
  for (int sixteen = 0; sixteen < 4; sixteen++) {
    const int half = sixteen / 2, from = 16 * (sixteen % 2);
    const uint8_t *low = block.low + 64 * half + from, *high = block.high + 32 * half + from;
    const int8_t* scales = block.scales + 8 * half + sixteen % 2;
    const float steps[4] = {scale * scales[0], scale * scales[2], scale * scales[4], scale * scales[6]};
    float* out = target + 128 * half + from;
    for (int i = 0; i < 16; i++) {
      out[i] = steps[0] * static_cast<float>(((low[i] & 15) | (high[i] & 3) << 4) - 32);
      out[i + 32] = steps[1] * static_cast<float>(((low[i + 32] & 15) | (high[i] & 12) << 2) - 32);
      out[i + 64] = steps[2] * static_cast<float>((low[i] >> 4 | (high[i] & 48)) - 32);
      out[i + 96] = steps[3] * static_cast<float>((low[i + 32] >> 4 | (high[i] & 192) >> 2) - 32);
    }
  }
}

template <>
inline void decodeRow<Q4K>(const Q4K::Stored* source, float* target, int64_t count) {
  for (int64_t i = 0; i < count; i += blockElementsOf(Q4K::dtype)) decodeBlock(*source++, target + i);
}

template <>
inline void decodeRow<Q6K>(const Q6K::Stored* source, float* target, int64_t count) {
  for (int64_t i = 0; i < count; i += blockElementsOf(Q6K::dtype)) decodeBlock(*source++, target + i);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
