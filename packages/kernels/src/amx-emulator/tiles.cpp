#include "tiles.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

namespace whittle::amx_emulator {

namespace {

constexpr int tileCount = 8, mostRows = 16, mostBytes = 64;

// Where ldtilecfg finds what: palette, row to begin at, bytes of each tile's rows, their number.
constexpr int startRowAt = 1, rowBytesAt = 16, rowsAt = 48;

struct Tile {
  int rows = 0, rowBytes = 0;
  alignas(64) uint8_t data[mostRows][mostBytes] = {};

  template <typename T>
  T get(int row, int index) const {
    T value;
    std::memcpy(&value, data[row] + index * static_cast<int>(sizeof value), sizeof value);
    return value;
  }
  template <typename T>
  void set(int row, int index, T value) {
    std::memcpy(data[row] + index * static_cast<int>(sizeof value), &value, sizeof value);
  }
};

[[noreturn]] void refuse(const std::string& reason) {
  throw std::logic_error("AMX emulator: " + reason);
}

class Thread {
 public:
  ~Thread() {
    if (!configured) return;
    std::fputs("AMX emulator: a thread ended with its tiles configured\n", stderr);
    std::abort();
  }

  Tile& at(int index, const char* instruction) {
    const std::string name = "tile " + std::to_string(index);
    if (!configured) refuse(std::string(instruction) + ": " + name + " of a thread whose tiles are not configured");
    if (index < 0 || index >= tileCount || tiles[index].rows == 0) refuse(std::string(instruction) + ": " + name + " has no rows");
    return tiles[index];
  }

  bool configured = false;
  Tile tiles[tileCount];
};

thread_local Thread thread;

struct Factors {
  Tile& sums;
  const Tile &a, &b;
};

Factors factorsOf(int sums, int a, int b, const char* instruction) {
  const Factors found{thread.at(sums, instruction), thread.at(a, instruction), thread.at(b, instruction)};
  const auto check = [&](bool fits, const char* rule) {
    if (!fits) refuse(std::string(instruction) + ": " + rule);
  };
  check(sums != a && sums != b && a != b, "a tile twice");
  check(found.sums.rowBytes % 4 == 0 && found.a.rowBytes % 4 == 0 && found.b.rowBytes % 4 == 0, "rows must be whole fours of bytes");
  check(found.sums.rows == found.a.rows, "sums and the first factor must have as many rows");
  check(found.sums.rowBytes == found.b.rowBytes, "rows of sums and of the second factor must be as long");
  check(found.a.rowBytes / 4 == found.b.rows, "the second factor must have a row for each four bytes of the first one's");
  return found;
}

// As the instruction takes and gives numbers: subnormal ones are zero.
float flushed(float x) {
  return std::fabs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x;
}

float fromBf16(uint16_t x) {
  const uint32_t bits = static_cast<uint32_t>(x) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return flushed(value);
}

}  // namespace

void configure(const void* config) {
  uint8_t bytes[64];
  std::memcpy(bytes, config, sizeof bytes);
  if (thread.configured) refuse("ldtilecfg: the tiles of this thread are configured");
  if (bytes[0] != 1) refuse("ldtilecfg: palette " + std::to_string(bytes[0]));
  for (int i = startRowAt; i < rowBytesAt; i++) {
    if (bytes[i] != 0) refuse("ldtilecfg: byte " + std::to_string(i) + " is not zero");
  }
  for (int tile = 0; tile < 16; tile++) {
    uint16_t rowBytes;
    std::memcpy(&rowBytes, bytes + rowBytesAt + 2 * tile, sizeof rowBytes);
    const int rows = bytes[rowsAt + tile];
    const bool used = rows != 0 || rowBytes != 0;
    if (used && (tile >= tileCount || rows == 0 || rowBytes == 0 || rows > mostRows || rowBytes > mostBytes)) {
      refuse("ldtilecfg: tile " + std::to_string(tile) + " of " + std::to_string(rows) + " rows of " + std::to_string(rowBytes) + " bytes");
    }
    if (tile < tileCount) {
      thread.tiles[tile] = {};
      thread.tiles[tile].rows = rows;
      thread.tiles[tile].rowBytes = rowBytes;
    }
  }
  thread.configured = true;
}

void release() {
  thread.configured = false;
}

void load(int tile, const void* from, int64_t stride) {
  Tile& to = thread.at(tile, "tileloadd");
  for (int row = 0; row < to.rows; row++) {
    std::memcpy(to.data[row], static_cast<const uint8_t*>(from) + row * stride, static_cast<size_t>(to.rowBytes));
  }
}

void store(int tile, void* to, int64_t stride) {
  const Tile& from = thread.at(tile, "tilestored");
  for (int row = 0; row < from.rows; row++) {
    std::memcpy(static_cast<uint8_t*>(to) + row * stride, from.data[row], static_cast<size_t>(from.rowBytes));
  }
}

void zero(int tile) {
  std::memset(thread.at(tile, "tilezero").data, 0, sizeof(Tile::data));
}

void addBf16Products(int sumsTile, int aTile, int bTile) {
  const auto [sums, a, b] = factorsOf(sumsTile, aTile, bTile, "tdpbf16ps");
  const int columns = sums.rowBytes / 4;
  for (int row = 0; row < sums.rows; row++) {
    // Of the first numbers of all pairs, and of the second ones.
    float first[mostBytes / 4] = {}, second[mostBytes / 4] = {};
    for (int pair = 0; pair < b.rows; pair++) {
      const float x = fromBf16(a.get<uint16_t>(row, 2 * pair)), y = fromBf16(a.get<uint16_t>(row, 2 * pair + 1));
      for (int column = 0; column < columns; column++) {
        first[column] = flushed(std::fma(x, fromBf16(b.get<uint16_t>(pair, 2 * column)), first[column]));
        second[column] = flushed(std::fma(y, fromBf16(b.get<uint16_t>(pair, 2 * column + 1)), second[column]));
      }
    }
    for (int column = 0; column < columns; column++) {
      sums.set(row, column, flushed(flushed(sums.get<float>(row, column)) + flushed(first[column] + second[column])));
    }
  }
}

void addByteProducts(int sumsTile, int aTile, int bTile) {
  const auto [sums, a, b] = factorsOf(sumsTile, aTile, bTile, "tdpbsud");
  for (int row = 0; row < sums.rows; row++) {
    for (int column = 0; column < sums.rowBytes / 4; column++) {
      int32_t sum = sums.get<int32_t>(row, column);
      for (int four = 0; four < b.rows; four++) {
        for (int i = 0; i < 4; i++) sum += a.get<int8_t>(row, 4 * four + i) * b.get<uint8_t>(four, 4 * column + i);
      }
      sums.set(row, column, sum);
    }
  }
}

}  // namespace whittle::amx_emulator
