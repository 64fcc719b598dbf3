// Tiles of AMX: eight registers of up to 16 rows of 64 bytes each, whose products are added up by one instruction. All that is particular
// to them is here, so that a build for tests (WHITTLE_AMX_EMULATED) can play them on a processor that has none.
//
// In assembly, since gcc 12's own functions take numbers of tiles as words only, and its _tile_loadconfig says that it reads 8 of the 64
// bytes, so that the others are not written.
#pragma once

#include "vec.h"

#ifdef WHITTLE_AMX_EMULATED
#include "../amx-emulator/tiles.h"
#define WHITTLE_TILE(instruction, emulated) emulated
#else
#define WHITTLE_TILE(instruction, emulated) instruction
#endif

namespace WHITTLE_KERNEL_NAMESPACE {

constexpr int64_t kTileRows = 16, kTileRowBytes = 64, kTileBytes = kTileRows * kTileRowBytes;

// Shapes of all tiles, as the instruction reads them.
struct alignas(64) TileShapes {
  uint8_t palette = 1;
  uint8_t reserved[15] = {};
  uint16_t rowBytes[16] = {};
  uint8_t rows[16] = {};

  constexpr void set(int tile, int64_t tileRows, int64_t bytes) {
    rows[tile] = static_cast<uint8_t>(tileRows);
    rowBytes[tile] = static_cast<uint16_t>(bytes);
  }
};
static_assert(sizeof(TileShapes) == 64);

// While it lives, the thread has tiles of these shapes. Not within another one.
class Tiles {
 public:
  explicit Tiles(const TileShapes& shapes) { WHITTLE_TILE(asm volatile("ldtilecfg %0" ::"m"(shapes)), amx_emulator::configure(&shapes)); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
  // A thread whose tiles are in use is dearer to switch.
  ~Tiles() { WHITTLE_TILE(asm volatile("tilerelease"), amx_emulator::release()); }
};

// Rows of memory lie `stride` bytes apart.
template <int tile>
WHITTLE_INLINE void loadTile(const void* from, int64_t stride) {
  WHITTLE_TILE(asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile)
                            : "memory"),
               amx_emulator::load(tile, from, stride));
}
template <int tile>
WHITTLE_INLINE void storeTile(void* to, int64_t stride) {
  WHITTLE_TILE(asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(tile)
                            : "memory"),
               amx_emulator::store(tile, to, stride));
}
template <int tile>
WHITTLE_INLINE void zeroTile() {
  WHITTLE_TILE(asm volatile("tilezero %%tmm%c0" ::"i"(tile)), amx_emulator::zero(tile));
}

// sums += a · b: sums[row][column], f32, a[row][pair], b[pair][column] with pairs of bf16. The first numbers of all pairs are added up, and
// the second ones, from zero on; then both, then that to the sum. All that is subnormal is zero.
template <int sums, int a, int b>
WHITTLE_INLINE void addPairProducts() {
  WHITTLE_TILE(asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sums), "i"(a), "i"(b)),
               amx_emulator::addBf16Products(sums, a, b));
}
// The same with fours of bytes, signed in a and unsigned in b, and sums that are i32.
template <int sums, int a, int b>
WHITTLE_INLINE void addByteProducts() {
  WHITTLE_TILE(asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sums), "i"(a), "i"(b)), amx_emulator::addByteProducts(sums, a, b));
}

}  // namespace WHITTLE_KERNEL_NAMESPACE

#undef WHITTLE_TILE
