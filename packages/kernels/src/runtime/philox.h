// Philox4x32-10, word for word as in core's philox.ts, for kernels of any device. Source: Salmon, Moraes, Dror & Shaw, SC 2011, §3.3.
#pragma once

#include <cstdint>

namespace whittle {

struct PhiloxWords {
  uint32_t word[4];
};

constexpr PhiloxWords philox(PhiloxWords counter, uint32_t key0, uint32_t key1) {
  auto& c = counter.word;
  for (int round = 0; round < 10; round++) {
    const uint64_t a = uint64_t{0xd2511f53} * c[0];
    const uint64_t b = uint64_t{0xcd9e8d57} * c[2];
    counter = {{static_cast<uint32_t>(b >> 32) ^ c[1] ^ key0, static_cast<uint32_t>(b), static_cast<uint32_t>(a >> 32) ^ c[3] ^ key1,
                static_cast<uint32_t>(a)}};
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
  return counter;
}

}  // namespace whittle
