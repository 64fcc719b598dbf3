// Weights in blocks as panels of codes: `kLanes` rows side by side, a row in each lane (with SMMLA: two in each vector), unpacked from what is
// stored. One `Coded<Format>` for each format says how.
//
// An element of a weight is scale · (code − offset); a scale belongs to kBlockCodes / units elements. Where there are `mins`, one is taken
// off each element of a block, and stands behind the scales; sums then begin at zero. `together` blocks are unpacked at once.
#pragma once

#include "blocks.h"
#include "code-transpose.h"

namespace WHITTLE_KERNEL_NAMESPACE {

template <typename Format>
struct Coded;

// A block of every row of a panel.
template <typename Format>
struct alignas(sizeof(Vec)) PanelBlock {
  CodeVec codes[kCodeVecs];
  Vec scales[Coded<Format>::units + Coded<Format>::mins];
};

// The rows that a panel is made of. Past the last row of the weight they repeat it.
template <typename Format>
struct PanelRows {
  const typename Format::Stored* rows[kLanes];

  PanelRows(Rows<Format> w, int64_t count) {
    for (int64_t o = 0; o < kLanes; o++) rows[o] = w[o < count ? o : count - 1];
  }
};

#if !defined(WHITTLE_BYTE_CODES)
// code(o, i): of row o, element i of the block.
template <typename Code>
inline void fillCodes(CodeVec* codes, Code&& code) {
  for (int64_t i = 0; i < kBlockCodes; i++) {
    for (int o = 0; o < kLanes; o++) codes[i / kCodesALane][o * kCodesALane + i % kCodesALane] = code(o, i);
  }
}
#endif

template <>
struct Coded<Q8> {
  static constexpr int units = 1, mins = 0, together = 1;
  static constexpr int32_t offset = kSignedCodes ? 0 : 128;
  using Dot = Dots<255>;

  static WHITTLE_INLINE void unpack(const PanelRows<Q8>& w, int64_t block, PanelBlock<Q8>* panel) {
    panel->scales[0] = gatherFirstHalves([&](int o) { return &w.rows[o][block].scale; });
#if defined(WHITTLE_BYTE_CODES)
    gatherCodes32([&](int o) { return w.rows[o][block].codes; }, panel->codes);
    if constexpr (!kSignedCodes) {
      for (CodeVec& codes : panel->codes) codes = codes ^ splatCode(0x80);
    }
#else
    fillCodes(panel->codes, [&](int o, int64_t i) { return w.rows[o][block].codes[i]; });
#endif
  }
};

template <>
struct Coded<Q4> {
  static constexpr int units = 1, mins = 0, together = 1;
#if defined(WHITTLE_BYTE_CODES)
  static constexpr int32_t offset = 8;
#else
  static constexpr int32_t offset = 0;
#endif
  using Dot = Dots<15>;

  static WHITTLE_INLINE void unpack(const PanelRows<Q4>& w, int64_t block, PanelBlock<Q4>* panel) {
    panel->scales[0] = gatherFirstHalves([&](int o) { return &w.rows[o][block].scale; });
#if defined(WHITTLE_BYTE_CODES)
    CodeVec bytes[4];
    gatherCodes16([&](int o) { return w.rows[o][block].codes; }, bytes);
    const CodeVec low = splatCode(15);
    for (int k = 0; k < 4; k++) {
      panel->codes[k] = bytes[k] & low;
      // The elements of a vector extension's __m256i are 64 bits wide; what comes over from the next byte is masked.
      panel->codes[k + 4] = (bytes[k] >> 4) & low;
    }
#else
    fillCodes(panel->codes, [&](int o, int64_t i) {
      const int byte = w.rows[o][block].codes[i % 16];
      return static_cast<int16_t>((i < 16 ? byte & 15 : byte >> 4) - 8);
    });
#endif
  }
};

// Calls body(format) with the format of a weight in blocks.
template <typename Body>
WHITTLE_INLINE void withCodedFormat(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::q8_0:
      return body(Q8{});
    case DType::q4_K:
      return body(Q4K{});
    case DType::q6_K:
      return body(Q6K{});
    default:
      return body(Q4{});
  }
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
