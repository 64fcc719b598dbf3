// Vectors of small codes, `kCodesALane` of them in each lane, and their dot products with codes of activations.
//
// Lanes stand for rows of a weight. What is added is exact, so that every instruction set and every order gives the same integers.
#pragma once

#include "convert.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Codes come in blocks: so many meet one scale of the activations.
constexpr int64_t kBlockCodes = blockElements;

#if defined(WHITTLE_AVX2) || defined(__ARM_FEATURE_DOTPROD)
// Four 8-bit codes a lane.
#define WHITTLE_BYTE_CODES 1

constexpr int64_t kCodesALane = 4;
// An activation's code.
using XCode = int8_t;

#if defined(__ARM_FEATURE_DOTPROD)
typedef uint32_t CodeVec __attribute__((vector_size(16)));
WHITTLE_INLINE CodeVec splatCode(uint8_t code) {
  return vreinterpretq_u32_u8(vdupq_n_u8(code));
}
WHITTLE_INLINE Vec toFloats(CodeVec x) {
  return vcvtq_f32_s32(vreinterpretq_s32_u32(x));
}
#elif defined(WHITTLE_AVX512)
using CodeVec = __m512i;
WHITTLE_INLINE CodeVec splatCode(uint8_t code) {
  return _mm512_set1_epi8(static_cast<char>(code));
}
WHITTLE_INLINE CodeVec splatInt(int32_t x) {
  return _mm512_set1_epi32(x);
}
WHITTLE_INLINE Vec toFloats(CodeVec x) {
  return _mm512_cvtepi32_ps(x);
}
#else
using CodeVec = __m256i;
WHITTLE_INLINE CodeVec splatCode(uint8_t code) {
  return _mm256_set1_epi8(static_cast<char>(code));
}
WHITTLE_INLINE CodeVec splatInt(int32_t x) {
  return _mm256_set1_epi32(x);
}
WHITTLE_INLINE Vec toFloats(CodeVec x) {
  return _mm256_cvtepi32_ps(x);
}
#endif

#if defined(__ARM_FEATURE_DOTPROD)
// Both factors are signed: codes of weights need an offset only where it saves taking it off, up to 127.
constexpr bool kSignedCodes = true;

WHITTLE_INLINE int8x16_t signedBytes(CodeVec codes) {
  return vreinterpretq_s8_u32(codes);
}

// However large they are. SDOT takes four codes of sixteen from where they lie.
template <int largest>
struct Dots {
  static WHITTLE_INLINE int32x4_t begin(int32_t start) { return vdupq_n_s32(start); }
  static WHITTLE_INLINE int32x4_t add(int32x4_t sum, CodeVec codes, const XCode* x, int j) {
    const int8x16_t w = signedBytes(codes), sixteen = vld1q_s8(x + j / 4 * 16);
    switch (j % 4) {
      case 0:
        return vdotq_laneq_s32(sum, w, sixteen, 0);
      case 1:
        return vdotq_laneq_s32(sum, w, sixteen, 1);
      case 2:
        return vdotq_laneq_s32(sum, w, sixteen, 2);
      default:
        return vdotq_laneq_s32(sum, w, sixteen, 3);
    }
  }
  static WHITTLE_INLINE CodeVec end(int32x4_t sum, int32_t) { return vreinterpretq_u32_s32(sum); }
};

#else

// The codes of an activation that meet those of a lane of vector j of a block, in every lane.
WHITTLE_INLINE CodeVec splatCodes(const XCode* x, int j) {
  int32_t four;
  std::memcpy(&four, x + j * kCodesALane, sizeof four);
  return splatInt(four);
}

#if defined(WHITTLE_AVX512) || defined(__AVXVNNI__)
// Codes of weights are unsigned, by an offset; sums begin with what that adds to them, taken off.
constexpr bool kSignedCodes = false;

template <int largest>
struct Dots {
  static WHITTLE_INLINE CodeVec begin(int32_t start) { return splatInt(start); }
  static WHITTLE_INLINE CodeVec add(CodeVec sum, CodeVec codes, const XCode* x, int j) {
#if defined(WHITTLE_AVX512)
    return _mm512_dpbusd_epi32(sum, codes, splatCodes(x, j));
#else
    return _mm256_dpbusd_avx_epi32(sum, codes, splatCodes(x, j));
#endif
  }
  static WHITTLE_INLINE CodeVec end(CodeVec sum, int32_t) {
    return sum;
  }
};

#else
// maddubs adds two products in 16 bits and saturates, so what can be done depends on how large the codes are.
constexpr bool kSignedCodes = true;

WHITTLE_INLINE __m256i addPairs(__m256i pairs) {
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

// Signed codes: their magnitudes times activations that took over their signs; 2 · 128 · 127 < 2¹⁵.
template <int largest>
struct Dots {
  static WHITTLE_INLINE __m256i begin(int32_t) { return _mm256_setzero_si256(); }
  static WHITTLE_INLINE __m256i add(__m256i sum, __m256i codes, const XCode* x, int j) {
    return _mm256_add_epi32(sum, addPairs(_mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(splatCodes(x, j), codes))));
  }
  static WHITTLE_INLINE __m256i end(__m256i sum, int32_t) { return sum; }
};

// Unsigned codes up to 128: two products fit.
template <int largest>
requires(largest <= 128) struct Dots<largest> {
  static WHITTLE_INLINE __m256i begin(int32_t start) { return splatInt(start); }
  static WHITTLE_INLINE __m256i add(__m256i sum, __m256i codes, const XCode* x, int j) {
    return _mm256_add_epi32(sum, addPairs(_mm256_maddubs_epi16(codes, splatCodes(x, j))));
  }
  static WHITTLE_INLINE __m256i end(__m256i sum, int32_t) { return sum; }
};

// Unsigned codes up to 15: the sums of a whole block stay in 16 bits, 16 · 15 · 127 < 2¹⁵.
template <>
struct Dots<15> {
  static WHITTLE_INLINE __m256i begin(int32_t) { return _mm256_setzero_si256(); }
  static WHITTLE_INLINE __m256i add(__m256i sum, __m256i codes, const XCode* x, int j) {
    return _mm256_add_epi16(sum, _mm256_maddubs_epi16(codes, splatCodes(x, j)));
  }
  static WHITTLE_INLINE __m256i end(__m256i sum, int32_t start) { return _mm256_add_epi32(addPairs(sum), splatInt(start)); }
};
#endif

#endif

#else

// Two 16-bit codes in each of four lanes.
constexpr int64_t kCodesALane = 2;
constexpr bool kSignedCodes = true;
using XCode = int16_t;
typedef int16_t CodeVec __attribute__((vector_size(16)));

WHITTLE_INLINE Vec toFloats(VecInt x) {
  return __builtin_convertvector(x, Vec);
}

template <int largest>
struct Dots {
  static WHITTLE_INLINE VecInt begin(int32_t start) { return VecInt{start, start, start, start}; }
  static WHITTLE_INLINE VecInt add(VecInt sum, CodeVec codes, const XCode* x, int j) {
    x += j * kCodesALane;
#ifdef __SSE2__
    int32_t two;
    std::memcpy(&two, x, sizeof two);
    return sum + reinterpret_cast<VecInt>(_mm_madd_epi16(reinterpret_cast<__m128i>(codes), _mm_set1_epi32(two)));
#elif defined(WHITTLE_NEON)
    int32_t two;
    std::memcpy(&two, x, sizeof two);
    const int16x8_t both = vreinterpretq_s16_s32(vdupq_n_s32(two));
    return sum + vpaddq_s32(vmull_s16(vget_low_s16(codes), vget_low_s16(both)), vmull_high_s16(codes, both));
#else
    for (int o = 0; o < kLanes; o++) sum[o] += codes[2 * o] * x[0] + codes[2 * o + 1] * x[1];
    return sum;
#endif
  }
  static WHITTLE_INLINE VecInt end(VecInt sum, int32_t) {
    return sum;
  }
};

#endif

// Vectors that hold a block of every lane's row.
constexpr int64_t kCodeVecs = kBlockCodes / kCodesALane;

}  // namespace WHITTLE_KERNEL_NAMESPACE
