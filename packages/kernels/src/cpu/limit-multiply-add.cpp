// What the machine itself can do, measured as kernels are run: benchmarks divide by it. Here: f32 multiply-adds.
#include "simd.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Enough independent sums to hide the latency of one multiply-add, few enough to stay in 16 registers.
constexpr int64_t kSums = 12;
// Steps of a tile in the cache.
constexpr int64_t kDepth = 128;

static float inRegisters(int64_t rounds, float seed) {
  Vec sums[kSums];
  for (int i = 0; i < kSums; i++) sums[i] = splat(seed + static_cast<float>(i));
  const Vec a = splat(0.999f), b = splat(1e-3f * seed);
  for (int64_t round = 0; round < rounds; round++) {
    for (int i = 0; i < kSums; i++) sums[i] = multiplyAdd(sums[i], a, b);
  }
  float total = 0;
  for (int i = 0; i < kSums; i++) total += sumLanes(sums[i]);
  return total;
}

// The classic tile of a matrix product: 6 rows by 2 vectors, operands in the first-level cache.
static float fromCache(int64_t rounds, float seed) {
  static thread_local float a[6 * kDepth], b[2 * kLanes * kDepth];
  for (int i = 0; i < 6 * kDepth; i++) a[i] = seed + static_cast<float>(i % 7);
  for (int i = 0; i < 2 * kLanes * kDepth; i++) b[i] = seed - static_cast<float>(i % 5);
  float total = 0;
  for (int64_t round = 0; round < rounds; round++) {
    Vec sums[12] = {};
    for (int k = 0; k < kDepth; k++) {
      const Vec left = load(b + 2 * kLanes * k), right = load(b + 2 * kLanes * k + kLanes);
      for (int r = 0; r < 6; r++) {
        const Vec x = splat(a[6 * k + r]);
        sums[2 * r] = multiplyAdd(x, left, sums[2 * r]);
        sums[2 * r + 1] = multiplyAdd(x, right, sums[2 * r + 1]);
      }
    }
    for (int i = 0; i < 12; i++) total += sums[i][0];
    asm volatile("" ::: "memory");
  }
  return total;
}

// Does about `counts[i]` multiply-adds for each i, an item of the loop each. Attribute 0: operands come from the first-level cache instead
// of registers. y[i] gets what keeps the work alive.
static bool limitMultiplyAdd(const Call& call) {
  const Tensor &counts = call[0], &y = call[1];
  const bool cached = call.flag(0);
  call.workers.parallelFor(counts.rows(), 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const int64_t vectors = *counts.row<const int32_t>(i) / kLanes;
      const auto seed = static_cast<float>(i);
      *y.row<float>(i) = cached ? fromCache(vectors / (kSums * kDepth), seed) : inRegisters(vectors / kSums, seed);
    }
  });
  return true;
}

WHITTLE_KERNEL("limit.multiplyAdd", limitMultiplyAdd);

}  // namespace WHITTLE_KERNEL_NAMESPACE
