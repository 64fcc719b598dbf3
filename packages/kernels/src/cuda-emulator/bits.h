// Integers and bits.
#pragma once

#include <bit>
#include <cstdint>

inline float __uint_as_float(unsigned bits) {
  return std::bit_cast<float>(bits);
}

inline unsigned __float_as_uint(float value) {
  return std::bit_cast<unsigned>(value);
}

inline float __int_as_float(int bits) {
  return std::bit_cast<float>(bits);
}

inline int __float_as_int(float value) {
  return std::bit_cast<int>(value);
}

inline int __popc(unsigned x) {
  return std::popcount(x);
}

inline int __popcll(unsigned long long x) {
  return std::popcount(x);
}

inline int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}

inline int __clzll(long long x) {
  return std::countl_zero(static_cast<unsigned long long>(x));
}

// The place of the lowest set bit, from 1; 0 if there is none.
inline int __ffs(int x) {
  return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1;
}

inline int __ffsll(long long x) {
  return x == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(x)) + 1;
}

inline unsigned __brev(unsigned x) {
  unsigned result = 0;
  for (int i = 0; i < 32; i++) result |= (x >> i & 1u) << (31 - i);
  return result;
}

inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(uint64_t{a} * b >> 32);
}

inline int __mulhi(int a, int b) {
  return static_cast<int>(int64_t{a} * b >> 32);
}

// Four bytes out of the eight of `low` and `high`, one selected by each of the selector's low nibbles; bit 3 of a nibble spreads the byte's
// sign.
inline unsigned __byte_perm(unsigned low, unsigned high, unsigned selector) {
  const uint64_t bytes = uint64_t{high} << 32 | low;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    const unsigned nibble = selector >> (4 * i) & 15u;
    unsigned byte = static_cast<unsigned>(bytes >> (8 * (nibble & 7u))) & 0xffu;
    if (nibble & 8u) byte = byte & 0x80u ? 0xffu : 0;
    result |= byte << (8 * i);
  }
  return result;
}

// The upper half of high:low shifted to the left, the lower half of it shifted to the right.
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((uint64_t{high} << 32 | low) << (shift & 31u) >> 32);
}

inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((uint64_t{high} << 32 | low) >> (shift & 31u));
}

// sum + Σ a[i] · b[i] over four bytes.
inline int __dp4a(int a, int b, int sum) {
  auto total = static_cast<unsigned>(sum);
  for (int i = 0; i < 4; i++) total += static_cast<unsigned>(static_cast<int8_t>(a >> (8 * i)) * static_cast<int8_t>(b >> (8 * i)));
  return static_cast<int>(total);
}

inline unsigned __dp4a(unsigned a, unsigned b, unsigned sum) {
  for (int i = 0; i < 4; i++) sum += (a >> (8 * i) & 0xffu) * (b >> (8 * i) & 0xffu);
  return sum;
}

// Loads and stores with a hint to the cache.
template <typename T>
T __ldg(const T* address) {
  return *address;
}

template <typename T>
T __ldcs(const T* address) {
  return *address;
}

template <typename T>
T __ldcg(const T* address) {
  return *address;
}

template <typename T>
void __stcs(T* address, T value) {
  *address = value;
}

template <typename T>
void __stcg(T* address, T value) {
  *address = value;
}
