// AMX on a processor without it: what its instructions do to the eight tiles of the calling thread, and what a processor would refuse,
// thrown as std::logic_error. By Intel's Software Developer's Manual, volume 2.
//
// Stricter than a processor in one thing: a thread must not configure tiles that are configured, nor end without their release.
#pragma once

#include <cstdint>

namespace whittle::amx_emulator {

// ldtilecfg with 64 bytes; tilerelease.
void configure(const void* config);
void release();
// tileloadd, tilestored with bytes between rows; tilezero.
void load(int tile, const void* from, int64_t stride);
void store(int tile, void* to, int64_t stride);
void zero(int tile);
// tdpbf16ps: sums += a · b with pairs of bf16.
void addBf16Products(int sums, int a, int b);
// tdpbsud: sums += a · b with fours of bytes, signed in a, unsigned in b.
void addByteProducts(int sums, int a, int b);

}  // namespace whittle::amx_emulator
