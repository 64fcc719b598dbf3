#include "elementwise.h"
#include "quantise-q4-k.h"
#include "quantise-q6-k.h"
#include "scratch.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// The value of largest magnitude, the first of equals; NaN if one is not finite.
static float extremeOf(const float* x) {
  if (!allFinite(x, blockElements)) return __builtin_nanf("");
  float magnitude = 0, largest = 0;
  for (int64_t i = 0; i < blockElements; i++) magnitude = __builtin_fabsf(x[i]) > magnitude ? __builtin_fabsf(x[i]) : magnitude;
  for (int64_t i = blockElements - 1; i >= 0; i--) largest = __builtin_fabsf(x[i]) == magnitude ? x[i] : largest;
  return largest;
}

// 0 where there is nothing to divide by.
static float inverseOf(float scale) {
  const float inverse = 1 / scale;
  return __builtin_fabsf(inverse) <= 0x1.fffffep127f ? inverse : 0;
}

static void quantiseBlock(const float* x, Q8::Stored& block) {
  const float scale = __builtin_fabsf(extremeOf(x)) / 127, inverse = inverseOf(scale);
  for (int64_t i = 0; i < blockElements; i++) {
    // In float64, where the half is added exactly; halves go away from zero.
    const double value = x[i] * inverse;
    const double away = value < 0 ? value - 0.5 : value + 0.5;
    block.codes[i] = static_cast<int8_t>(value == value ? static_cast<int32_t>(away) : 0);
  }
  block.scale = F16::encode(scale);
}

static void quantiseBlock(const float* x, Q4::Stored& block) {
  const float scale = extremeOf(x) / -8, inverse = inverseOf(scale);
  int32_t codes[blockElements];
  for (int64_t i = 0; i < blockElements; i++) {
    // In float64, as the specification says; not below 0, so cutting off is rounding down.
    const double value = static_cast<double>(x[i]) * static_cast<double>(inverse) + 8.5;
    const double capped = value < 15 ? value : 15;
    codes[i] = value == value ? static_cast<int32_t>(capped) : 0;
  }
  for (int64_t i = 0; i < 16; i++) block.codes[i] = static_cast<uint8_t>(codes[i] | codes[i + 16] << 4);
  block.scale = F16::encode(scale);
}

template <typename Format>
static void quantiseRow(const float* x, typename Format::Stored* blocks, int64_t count) {
  for (int64_t i = 0; i < count; i += blockElements) quantiseBlock(x + i, *blocks++);
}

// Zeros, but for the scales.
static void storeNaN(Q4K::Stored& block) {
  std::memset(&block, 0, sizeof block);
  block.scale = block.minScale = F16::encode(__builtin_nanf(""));
}
static void storeNaN(Q6K::Stored& block) {
  std::memset(&block, 0, sizeof block);
  block.scale = F16::encode(__builtin_nanf(""));
}

template <>
void quantiseRow<Q4K>(const float* x, Q4K::Stored* blocks, int64_t count) {
  static thread_local Scratch<float> scratch;
  const int64_t runs = count / kRunQ4K, places = roundUp(runs, kLanes);
  float *codes = scratch.get(count + 2 * places), *scales = codes + count, *mins = scales + places;
  for (int64_t run = 0; run < runs; run += kLanes) {
    Vec values[kRunQ4K], best[kRunQ4K], scale, min;
    gatherRuns<kRunQ4K>(x + run * kRunQ4K, smaller(kLanes, runs - run), values);
    fitRunsQ4K(values, &scale, &min, best);
    scatterRuns<kRunQ4K>(best, smaller(kLanes, runs - run), codes + run * kRunQ4K);
    store(scales + run, scale);
    store(mins + run, min);
  }
  for (int64_t i = 0; i < count; i += 256, blocks++) {
    if (allFinite(x + i, 256)) {
      storeBlock(x + i, scales + i / kRunQ4K, mins + i / kRunQ4K, codes + i, *blocks);
    } else {
      storeNaN(*blocks);
    }
  }
}

template <>
void quantiseRow<Q6K>(const float* x, Q6K::Stored* blocks, int64_t count) {
  static thread_local Scratch<float> scratch;
  // Blocks have a multiple of any vector's lanes.
  const int64_t runs = count / kRunQ6K;
  float *codes = scratch.get(count + runs), *scales = codes + count;
  for (int64_t run = 0; run < runs; run += kLanes) {
    Vec values[kRunQ6K], best[kRunQ6K], scale;
    gatherRuns<kRunQ6K>(x + run * kRunQ6K, kLanes, values);
    fitRunsQ6K(values, &scale, best);
    scatterRuns<kRunQ6K>(best, kLanes, codes + run * kRunQ6K);
    store(scales + run, scale);
  }
  for (int64_t i = 0; i < count; i += 256, blocks++) {
    if (allFinite(x + i, 256)) {
      storeBlock(x + i, scales + i / kRunQ6K, codes + i, *blocks);
    } else {
      storeNaN(*blocks);
    }
  }
}

static bool quantiseRows(const Call& call) {
  const Tensor &x = call[0], &y = call[1];
  const int64_t columns = x.columns();
  withFormat(x.dtype, [&]<typename From>(From) {
    withWeightRows(y, [&]<typename To>(Rows<To> rows) {
      if constexpr (isBlock(To::dtype)) {
        forRows(call, x.rows(), 32 * columns, [&](int64_t row) {
          static thread_local Scratch<float> scratch;
          float* values = scratch.get(columns);
          decodeRow<From>(x.row<const typename From::Stored>(row), values, columns);
          quantiseRow<To>(values, const_cast<typename To::Stored*>(rows[row]), columns);
        });
      }
    });
  });
  return true;
}

WHITTLE_KERNEL("quantiseRows", quantiseRows);

}  // namespace WHITTLE_KERNEL_NAMESPACE
