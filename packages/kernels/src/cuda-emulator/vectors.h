// CUDA's small vectors, aligned as there: an access that is not aligned shows under the undefined-behaviour sanitizer.
#pragma once

#include <cstdint>

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

struct uint3 {
  unsigned x;
  unsigned y;
  unsigned z;
};

#define WHITTLE_VECTORS(type, name)                               \
  struct alignas(2 * sizeof(type)) name##2 {                      \
    type x, y;                                                    \
  };                                                              \
  struct alignas(4 * sizeof(type)) name##4 {                      \
    type x, y, z, w;                                              \
  };                                                              \
  inline name##2 make_##name##2(type x, type y) {                 \
    return {x, y};                                                \
  }                                                               \
  inline name##4 make_##name##4(type x, type y, type z, type w) { \
    return {x, y, z, w};                                          \
  }

WHITTLE_VECTORS(float, float)
WHITTLE_VECTORS(int, int)
WHITTLE_VECTORS(unsigned, uint)
WHITTLE_VECTORS(short, short)
WHITTLE_VECTORS(unsigned short, ushort)
WHITTLE_VECTORS(signed char, char)
WHITTLE_VECTORS(unsigned char, uchar)

#undef WHITTLE_VECTORS
