// What the machine itself can do, measured as kernels are run: benchmarks divide by it. Here: multiply-adds of bf16 numbers, summed in f32.
#include "dot-tile.h"
#include "rounded-rows.h"

namespace WHITTLE_KERNEL_NAMESPACE {

#ifdef WHITTLE_AMX
// Steps of two by two tiles, two thirds of a first-level cache of 48 KiB.
constexpr int64_t kSteps = 8;
constexpr int64_t kRoundProducts = 4 * kSteps * kTileRows * kTileRows * kTileDepth;

static float pairsFromCache(int64_t rounds, float seed) {
  constexpr int64_t side = 2 * kSteps * kTileElements;
  alignas(64) static thread_local uint16_t operands[2 * side];
  for (int64_t i = 0; i < 2 * side; i += kLanes) storeRounded(operands + i, roundedBits(splat(seed + static_cast<float>(i % 7))));
  const auto path = [](const uint16_t* p) { return TilePath{p, p + kSteps * kTileElements, kTileRowBytes, kTileElements}; };
  const Tiles tiles(productShapes(kTileRows));
  eachSums<2, 2>([](auto tile, int, int) { zeroTile<tile()>(); });
  for (int64_t round = 0; round < rounds; round++) addSteps<2, 2>(path(operands), path(operands + side), kSteps, Ahead(nullptr, 0));
  float sums[kTileRows * kTileRows];
  float total = 0;
  eachSums<2, 2>([&](auto tile, int, int) {
    storeTile<tile()>(sums, kTileRowBytes);
    total += sums[0];
  });
  return total;
}
#else
// Vectors of each row of a tile in the cache.
constexpr int64_t kDepth = 64;
constexpr int64_t kRoundProducts = kDotRows * kDotOuts * kDepth * kElements<Rounded>;

// A tile of a product, operands in the first-level cache.
static float pairsFromCache(int64_t rounds, float seed) {
  constexpr int64_t elements = kElements<Rounded>;
  constexpr int64_t ofX = kDotRows * kDepth * elements, ofW = kDotOuts * kDepth * elements;
  alignas(64) static thread_local Rounded::Stored operands[ofX + ofW];
  for (int64_t i = 0; i < ofX + ofW; i += kLanes) storeRounded(operands + i, roundedBits(splat(seed + static_cast<float>(i % 7))));
  const Rounded::Stored *const x = operands, *const w = operands + ofX;
  Vec sums[kDotRows * kDotOuts];
  WHITTLE_UNROLL
  for (Vec& sum : sums) sum = splat(0.0f);
  for (int64_t round = 0; round < rounds; round++) {
    for (int64_t k = 0; k < kDepth; k++) {
      Vec wide[kDotOuts];
      WHITTLE_UNROLL
      for (int o = 0; o < kDotOuts; o++) wide[o] = Rounded::loadVec(w + (k * kDotOuts + o) * elements);
      WHITTLE_UNROLL
      for (int r = 0; r < kDotRows; r++) {
        const Vec a = Rounded::loadVec(x + (k * kDotRows + r) * elements);
        WHITTLE_UNROLL
        for (int o = 0; o < kDotOuts; o++) sums[r * kDotOuts + o] = addProducts<Rounded>(a, wide[o], sums[r * kDotOuts + o]);
      }
    }
    asm volatile("" ::: "memory");
  }
  float total = 0;
  WHITTLE_UNROLL
  for (Vec& sum : sums) total += sum[0];
  return total;
}
#endif

// Does about `counts[i]` multiply-adds for each i, an item of the loop each. y[i] gets what keeps the work alive.
static bool limitDotBf16(const Call& call) {
  const Tensor &counts = call[0], &y = call[1];
  call.workers.parallelFor(counts.rows(), 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const int64_t rounds = *counts.row<const int32_t>(i) / kRoundProducts;
      *y.row<float>(i) = pairsFromCache(rounds, static_cast<float>(i + 1));
    }
  });
  return true;
}

WHITTLE_KERNEL("limit.dotBf16", limitDotBf16);

}  // namespace WHITTLE_KERNEL_NAMESPACE
