// What the machine itself can do, measured as kernels are run: benchmarks divide by it. Here: multiply-adds of 8-bit codes, summed exactly.
#include "coded-rows.h"
#ifdef WHITTLE_AMX
#include "tile-amx.h"
#endif

namespace WHITTLE_KERNEL_NAMESPACE {

#ifdef WHITTLE_AMX
// Steps of two by two tiles, two thirds of a first-level cache of 48 KiB.
constexpr int64_t kSteps = 8;
constexpr int64_t kRoundProducts = 4 * kSteps * kTileRows * kTileRows * kTileRowBytes;

static float codesFromCache(int64_t rounds, int32_t seed) {
  alignas(64) static thread_local uint8_t operands[4 * kSteps * kTileBytes];
  for (int64_t i = 0; i < 4 * kSteps * kTileBytes; i++) operands[i] = static_cast<uint8_t>((i * 37 + seed) % 127);
  TileShapes shapes;
  for (int tile = 0; tile < 8; tile++) shapes.set(tile, kTileRows, kTileRowBytes);
  const Tiles tiles(shapes);
  zeroTile<0>();
  zeroTile<1>();
  zeroTile<2>();
  zeroTile<3>();
  for (int64_t round = 0; round < rounds; round++) {
    for (const uint8_t* at = operands; at != operands + sizeof operands; at += 4 * kTileBytes) {
      loadTile<4>(at, kTileRowBytes);
      loadTile<6>(at + kTileBytes, kTileRowBytes);
      addByteProducts<0, 4, 6>();
      loadTile<7>(at + 2 * kTileBytes, kTileRowBytes);
      addByteProducts<1, 4, 7>();
      loadTile<5>(at + 3 * kTileBytes, kTileRowBytes);
      addByteProducts<2, 5, 6>();
      addByteProducts<3, 5, 7>();
    }
  }
  int32_t sums[kTileRows * kTileRows];
  storeTile<0>(sums, kTileRowBytes);
  return static_cast<float>(sums[0]);
}
#else
// Vectors of codes of a tile in the cache.
constexpr int64_t kDepth = 128;
constexpr int64_t kRows = kCodedTile;
constexpr int64_t kRoundProducts = kRows * kDepth * kLanes * kCodesALane;

// A tile of a product: kCodedTile rows by one vector, operands in the first-level cache.
static float codesFromCache(int64_t rounds, int32_t seed) {
  alignas(64) static thread_local CodeVec w[kDepth];
  alignas(64) static thread_local XCode x[kDepth * kRows * kCodesALane];
  for (int64_t i = 0; i < kDepth; i++) {
    for (size_t j = 0; j < sizeof(CodeVec); j++) reinterpret_cast<uint8_t*>(w + i)[j] = static_cast<uint8_t>((i + j + seed) % 15);
  }
  for (int64_t i = 0; i < kDepth * kRows * kCodesALane; i++) x[i] = static_cast<XCode>((i * 37 + seed) % 127 - 63);
  float total = 0;
  for (int64_t round = 0; round < rounds; round++) {
    CodeSums<kRows, Dots<255>> sums([&](int) { return seed; });
    for (int64_t k = 0; k < kDepth; k += kCodeVecs) {
      WHITTLE_UNROLL
      for (int j = 0; j < kCodeVecs; j++) sums.add(j, w[k + j], x + k * kRows * kCodesALane);
    }
    for (int r = 0; r < kRows; r++) total += toFloats(sums.end(r, seed))[0];
    asm volatile("" ::: "memory");
  }
  return total;
}
#endif

// Does about `counts[i]` multiply-adds for each i, an item of the loop each. y[i] gets what keeps the work alive.
static bool limitDotCodes(const Call& call) {
  const Tensor &counts = call[0], &y = call[1];
  call.workers.parallelFor(counts.rows(), 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
      const int64_t rounds = *counts.row<const int32_t>(i) / kRoundProducts;
      *y.row<float>(i) = codesFromCache(rounds, static_cast<int32_t>(i));
    }
  });
  return true;
}

WHITTLE_KERNEL("limit.dotCodes", limitDotCodes);

}  // namespace WHITTLE_KERNEL_NAMESPACE
