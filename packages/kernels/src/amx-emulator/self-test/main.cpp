// What the emulator of AMX's tiles is for: results that only the instructions' own order and rounding give, and each mistake found out.
// Exit code 0: so it was.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

#include "../tiles.h"

namespace whittle::amx_emulator {

namespace {

int failures = 0;

void expect(bool condition, const char* what) {
  std::printf("%s: %s\n", what, condition ? "as expected" : "NOT AS EXPECTED");
  failures += !condition;
}

struct Shapes {
  uint8_t bytes[64] = {1};

  Shapes with(int tile, int rows, int rowBytes) const {
    Shapes shapes = *this;
    shapes.bytes[16 + 2 * tile] = static_cast<uint8_t>(rowBytes);
    shapes.bytes[48 + tile] = static_cast<uint8_t>(rows);
    return shapes;
  }
};

// That `body` is refused, and why.
template <typename Body>
void expectRefusal(const char* part, Body&& body) {
  std::string reason;
  try {
    body();
  } catch (const std::logic_error& error) {
    reason = error.what();
  }
  release();
  expect(reason.find(part) != std::string::npos, part);
}

uint16_t bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

// sum + the product of two pairs with two pairs.
float pairProducts(const float (&a)[4], const float (&b)[4], float sum) {
  const Shapes shapes = Shapes().with(0, 1, 4).with(1, 1, 8).with(2, 2, 4);
  uint16_t first[4], second[4];
  for (int i = 0; i < 4; i++) {
    first[i] = bf16(a[i]);
    second[i] = bf16(b[i]);
  }
  configure(shapes.bytes);
  load(0, &sum, 4);
  load(1, first, 8);
  load(2, second, 4);
  addBf16Products(0, 1, 2);
  store(0, &sum, 4);
  release();
  return sum;
}

void checkPairs() {
  expect(pairProducts({1, 2, 3, 4}, {5, 6, 7, 8}, 0.5f) == 70.5f, "products of pairs");
  // One after another, each one would be lost beside 2²⁴.
  expect(pairProducts({0x1p12f, 1, 1, 1}, {0x1p12f, 1, 1, 1}, 0) == 0x1p24f + 2, "first and second numbers are added up apart");
  expect(pairProducts({0x1p12f, 1, 0, 1}, {0x1p12f, 1, 0, 1}, 1) == 0x1p24f + 4, "the sum that was there comes last, ties go to even");
  expect(pairProducts({0x1p-133f, 0, 0, 0}, {0x1p100f, 0, 0, 0}, 0) == 0, "a subnormal factor is zero");
  expect(pairProducts({0x1p-126f, 0, 0, 0}, {0.5f, 0, 0, 0}, 0) == 0, "a subnormal product is zero");
  expect(pairProducts({0x1.8p-126f, 0, -0x1p-126f, 0}, {1, 0, 1, 0}, 0) == 0, "a subnormal sum is zero");
  expect(pairProducts({0, 0, 0, 0}, {0, 0, 0, 0}, 0x1p-130f) == 0, "a subnormal sum that was there is zero");
  expect(std::isnan(pairProducts({INFINITY, -INFINITY, 0, 0}, {1, 1, 0, 0}, 0)), "infinities of both signs are no number");
}

void checkBytes() {
  const Shapes shapes = Shapes().with(0, 2, 8).with(1, 2, 8).with(2, 2, 8);
  int8_t a[2][8];
  uint8_t b[2][2][4];
  int32_t sums[2][2] = {{7, -7}, {0, 1}}, expected[2][2];
  for (int i = 0; i < 8; i++) {
    a[0][i] = static_cast<int8_t>(-128 + i);
    a[1][i] = static_cast<int8_t>(127 - i);
    for (int column = 0; column < 2; column++) b[i / 4][column][i % 4] = static_cast<uint8_t>(255 - 9 * i * column);
  }
  for (int row = 0; row < 2; row++) {
    for (int column = 0; column < 2; column++) {
      expected[row][column] = sums[row][column];
      for (int i = 0; i < 8; i++) expected[row][column] += a[row][i] * b[i / 4][column][i % 4];
    }
  }
  configure(shapes.bytes);
  load(0, sums, 8);
  load(1, a, 8);
  load(2, b, 8);
  addByteProducts(0, 1, 2);
  store(0, sums, 8);
  zero(0);
  int32_t zeros[2][2];
  store(0, zeros, 8);
  release();
  expect(std::memcmp(sums, expected, sizeof sums) == 0, "products of fours of bytes");
  expect(zeros[0][0] == 0 && zeros[1][1] == 0, "a tile of zeros");
}

void checkRefusals() {
  uint8_t memory[16 * 64] = {};
  const Shapes shapes = Shapes().with(0, 16, 64).with(1, 16, 64).with(2, 16, 64);
  expectRefusal("tileloadd: tile 0 of a thread whose tiles are not configured", [&] { load(0, memory, 64); });
  expectRefusal("ldtilecfg: the tiles of this thread are configured", [&] {
    configure(shapes.bytes);
    configure(shapes.bytes);
  });
  expectRefusal("ldtilecfg: palette 0", [&] {
    Shapes wrong = shapes;
    wrong.bytes[0] = 0;
    configure(wrong.bytes);
  });
  expectRefusal("ldtilecfg: byte 5 is not zero", [&] {
    Shapes wrong = shapes;
    wrong.bytes[5] = 1;
    configure(wrong.bytes);
  });
  expectRefusal("ldtilecfg: tile 3 of 17 rows of 64 bytes", [&] { configure(shapes.with(3, 17, 64).bytes); });
  expectRefusal("ldtilecfg: tile 3 of 16 rows of 65 bytes", [&] { configure(shapes.with(3, 16, 65).bytes); });
  expectRefusal("ldtilecfg: tile 3 of 0 rows of 64 bytes", [&] { configure(shapes.with(3, 0, 64).bytes); });
  expectRefusal("ldtilecfg: tile 8 of 16 rows of 64 bytes", [&] { configure(shapes.with(8, 16, 64).bytes); });
  expectRefusal("tilestored: tile 3 has no rows", [&] {
    configure(shapes.bytes);
    store(3, memory, 64);
  });
  const auto product = [&](const Shapes& of, int a, int b) {
    return [&, of, a, b] {
      configure(of.bytes);
      addBf16Products(0, a, b);
    };
  };
  expectRefusal("tdpbf16ps: a tile twice", product(shapes, 1, 1));
  expectRefusal("sums and the first factor must have as many rows", product(shapes.with(1, 15, 64), 1, 2));
  expectRefusal("rows of sums and of the second factor must be as long", product(shapes.with(2, 16, 60), 1, 2));
  expectRefusal("the second factor must have a row for each four bytes", product(shapes.with(1, 16, 60), 1, 2));
  expectRefusal("rows must be whole fours of bytes", product(shapes.with(1, 16, 62), 1, 2));
  expectRefusal("tdpbsud: a tile twice", [&] {
    configure(shapes.bytes);
    addByteProducts(0, 0, 2);
  });
}

}  // namespace

}  // namespace whittle::amx_emulator

int main() {
  whittle::amx_emulator::checkPairs();
  whittle::amx_emulator::checkBytes();
  whittle::amx_emulator::checkRefusals();
  std::printf("%d not as expected\n", whittle::amx_emulator::failures);
  return whittle::amx_emulator::failures == 0 ? 0 : 1;
}
