// Panels of q4_K and q6_K: a whole block of the format, eight blocks of codes, is unpacked at a time, so that its scales are read once.
#pragma once

#include "code-panel.h"

namespace WHITTLE_KERNEL_NAMESPACE {

#if defined(WHITTLE_BYTE_CODES)
// Byte `index` of each lane as f32.
WHITTLE_INLINE Vec unsignedByte(VecInt words, int index) {
  return __builtin_convertvector(words >> (8 * index) & 255, Vec);
}
WHITTLE_INLINE Vec signedByte(VecInt words, int index) {
  return __builtin_convertvector((words << (24 - 8 * index)) >> 24, Vec);
}
#endif

// An element is step · code − offset, where a run's offset is multiplied with the sum of the activations' codes.
template <>
struct Coded<Q4K> {
  static constexpr int units = 1, mins = 1, together = 8;
  static constexpr int32_t offset = -1;  // sums begin with those sums, but are not added to them
  using Dot = Dots<15>;

  static WHITTLE_INLINE void unpack(const PanelRows<Q4K>& w, int64_t block, PanelBlock<Q4K>* panels) {
    const int64_t at = block / together;
    const Vec scale = gatherHalves([&](int o) { return &w.rows[o][at].scale; });
    const Vec minScale = gatherHalves([&](int o) { return &w.rows[o][at].minScale; });
#if defined(WHITTLE_BYTE_CODES)
    CodeVec header[4];
    gather16([&](int o) { return &w.rows[o][at]; }, header);
    const auto packed = [&](int i) { return reinterpret_cast<VecInt>(header[i + 1]); };
    // As in unpackScales, a row in each lane.
    const VecInt scales[2] = {packed(0) & 0x3f3f3f3f, (packed(2) & 0x0f0f0f0f) | (packed(0) >> 2 & 0x30303030)};
    const VecInt offsets[2] = {packed(1) & 0x3f3f3f3f, (packed(2) >> 4 & 0x0f0f0f0f) | (packed(1) >> 2 & 0x30303030)};
    for (int run = 0; run < 8; run++) {
      panels[run].scales[0] = scale * unsignedByte(scales[run / 4], run % 4);
      panels[run].scales[1] = minScale * unsignedByte(offsets[run / 4], run % 4);
    }
    const CodeVec low = splatCode(15);
    for (int pair = 0; pair < 4; pair++) {
      CodeVec bytes[8];
      gatherCodes32([&](int o) { return w.rows[o][at].codes + 32 * pair; }, bytes);
      for (int k = 0; k < 8; k++) {
        panels[2 * pair].codes[k] = bytes[k] & low;
        panels[2 * pair + 1].codes[k] = (bytes[k] >> 4) & low;
      }
    }
#else
    for (int o = 0; o < kLanes; o++) {
      uint8_t scales[16];
      unpackScales(w.rows[o][at].scales, scales);
      for (int run = 0; run < 8; run++) {
        panels[run].scales[0][o] = scale[o] * scales[run];
        panels[run].scales[1][o] = minScale[o] * scales[8 + run];
      }
    }
    for (int run = 0; run < 8; run++) {
      fillCodes(panels[run].codes, [&](int o, int64_t i) {
        return static_cast<int16_t>(w.rows[o][at].codes[32 * (run / 2) + i] >> (4 * (run % 2)) & 15);
      });
    }
#endif
  }
};

template <>
struct Coded<Q6K> {
  static constexpr int units = 2, mins = 0, together = 8;
#if defined(WHITTLE_BYTE_CODES)
  static constexpr int32_t offset = 32;
#else
  static constexpr int32_t offset = 0;
#endif
  using Dot = Dots<63>;

  static WHITTLE_INLINE void unpack(const PanelRows<Q6K>& w, int64_t block, PanelBlock<Q6K>* panels) {
    const int64_t at = block / together;
    const Vec scale = gatherHalves([&](int o) { return &w.rows[o][at].scale; });
#if defined(WHITTLE_BYTE_CODES)
    CodeVec scales[4];
    gather16([&](int o) { return w.rows[o][at].scales; }, scales);
    for (int sixteen = 0; sixteen < 16; sixteen++) {
      const VecInt words = reinterpret_cast<VecInt>(scales[sixteen / 4]);
      panels[sixteen / 2].scales[sixteen % 2] = scale * signedByte(words, sixteen % 4);
    }
    const CodeVec nibble = splatCode(15), upper = splatCode(48);
    for (int half = 0; half < 2; half++) {
      CodeVec high[8];
      gatherCodes32([&](int o) { return w.rows[o][at].high + 32 * half; }, high);
      PanelBlock<Q6K>* const runs = panels + 4 * half;
      for (int odd = 0; odd < 2; odd++) {
        CodeVec low[8];
        gatherCodes32([&](int o) { return w.rows[o][at].low + 64 * half + 32 * odd; }, low);
        for (int k = 0; k < 8; k++) {
          runs[odd].codes[k] = (low[k] & nibble) | ((odd ? high[k] << 2 : high[k] << 4) & upper);
          runs[odd + 2].codes[k] = ((low[k] >> 4) & nibble) | ((odd ? high[k] >> 2 : high[k]) & upper);
        }
      }
    }
#else
    for (int run = 0; run < 8; run++) {
      for (int part = 0; part < 2; part++) {
        for (int o = 0; o < kLanes; o++) panels[run].scales[part][o] = scale[o] * w.rows[o][at].scales[2 * run + part];
      }
      const int half = run / 4, place = run % 4;
      fillCodes(panels[run].codes, [&](int o, int64_t i) {
        const Q6K::Stored& stored = w.rows[o][at];
        const int low = stored.low[64 * half + 32 * (place % 2) + i] >> (place < 2 ? 0 : 4) & 15;
        return static_cast<int16_t>((low | (stored.high[32 * half + i] >> (2 * place) & 3) << 4) - 32);
      });
    }
#endif
  }
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
