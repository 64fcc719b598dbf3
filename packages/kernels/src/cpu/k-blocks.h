// GGUF's block formats with scales of two levels; core's block-formats.ts says what the bytes mean.
#pragma once

#include "code-floats.h"

namespace WHITTLE_KERNEL_NAMESPACE {

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
#pragma GCC unroll 8
  for (int run = 0; run < 8; run++) {
    const float step = scale * scales[run], offset = minScale * scales[8 + run];
    for (int i = 0; i < 32; i += 16, target += 16) {
      const Codes16 bytes = loadCodes(block.codes + 32 * (run / 2) + i);
      const Codes16 codes = run % 2 == 0 ? bytes & 15 : bytes >> 4;
      eachFloats(codes, [&](int place, Vec code) { store(target + place, splat(step) * code - splat(offset)); });
    }
  }
}

inline void decodeBlock(const Q6K::Stored& block, float* target) {
  const float scale = scaleOf(block.scale);
#pragma GCC unroll 16
  for (int sixteen = 0; sixteen < 16; sixteen++, target += 16) {
    const int half = sixteen / 8, run = sixteen / 2 % 4, from = 16 * (sixteen % 2);
    const Codes16 low = loadCodes(block.low + 64 * half + 32 * (run % 2) + from);
    const Codes16 high = loadCodes(block.high + 32 * half + from);
    const Codes16 upper = run == 0 ? high << 4 : run == 1 ? high << 2 : run == 2 ? high : high >> 2;
    const Codes16 codes = ((run < 2 ? low & 15 : low >> 4) | (upper & 48)) - 32;
    const float step = scale * block.scales[sixteen];
    eachFloats(codes, [&](int place, Vec code) { store(target + place, splat(step) * code); });
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
