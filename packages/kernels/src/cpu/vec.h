// What every build's vector type stands on; see simd.h.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define WHITTLE_AVX2 1
#endif
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define WHITTLE_AVX512 1
#endif
#if defined(WHITTLE_AVX512) && defined(__AVX512BF16__)
#define WHITTLE_AVX512_BF16 1
#endif
#if defined(WHITTLE_AVX512_BF16) && (defined(__AMX_BF16__) || defined(WHITTLE_AMX_EMULATED))
#define WHITTLE_AMX 1
#endif
#if defined(__SSE2__)
#include <immintrin.h>
#endif
#if defined(__aarch64__)
#define WHITTLE_NEON 1
#include <arm_neon.h>
#endif

#include "kernel.h"

#define WHITTLE_INLINE inline __attribute__((always_inline))
// Before each loop over an array of vectors that is to live in registers. Left to itself gcc 12 unrolls such loops too late: around the
// loop between them it clears, writes and reads the array in memory, which costs a tile of f32 sums some 50 cycles.
#define WHITTLE_UNROLL _Pragma("GCC unroll 32")

namespace WHITTLE_KERNEL_NAMESPACE {

// Four sums, whatever the vector's width.
typedef float Vec4 __attribute__((vector_size(16)));

}  // namespace WHITTLE_KERNEL_NAMESPACE
