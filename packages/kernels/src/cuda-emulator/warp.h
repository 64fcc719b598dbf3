// What the threads of a block do together: barriers, shuffles, votes. The mask must name the whole warp.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "block.h"

namespace whittle::cuda::emulator {

inline const Slots& meetAll(unsigned mask, const Meeting& meeting, uint64_t value) {
  Block& block = Block::current();
  if (mask != 0xffffffffu) block.fail("%s with the mask %08x: only the whole warp is emulated", meeting.name, mask);
  return block.meet(meeting, value);
}

template <typename T>
uint64_t toBits(T value) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <typename T>
T fromBits(uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The value of lane `source`, a lane of the own group of `width` or not: then the own value.
template <typename T>
T take(unsigned mask, const Meeting& meeting, T value, int source, bool inside) {
  const Slots& slots = meetAll(mask, meeting, toBits(value));
  if (!inside) return value;
  // What a lane that does not exist holds is undefined.
  if (source >= Block::current().lanes()) return fromBits<T>(~uint64_t{0});
  return fromBits<T>(slots[source]);
}

inline constexpr Meeting shuffle{"__shfl_sync", nullptr};
inline constexpr Meeting shuffleUp{"__shfl_up_sync", nullptr};
inline constexpr Meeting shuffleDown{"__shfl_down_sync", nullptr};
inline constexpr Meeting shuffleXor{"__shfl_xor_sync", nullptr};
inline constexpr Meeting vote{"a vote", nullptr};
inline constexpr Meeting warpBarrier{"__syncwarp", nullptr};
inline constexpr Meeting reduction{"__reduce_sync", nullptr};

// Votes of the lanes that exist.
inline unsigned ballot(unsigned mask, bool value) {
  const Slots& slots = meetAll(mask, vote, value);
  unsigned result = 0;
  for (int i = 0; i < Block::current().lanes(); i++) result |= static_cast<unsigned>(slots[i] != 0) << i;
  return result;
}

template <typename T, typename Combine>
T reduce(unsigned mask, T value, Combine&& combine) {
  const Slots& slots = meetAll(mask, reduction, toBits(value));
  T result = fromBits<T>(slots[0]);
  for (int i = 1; i < Block::current().lanes(); i++) result = combine(result, fromBits<T>(slots[i]));
  return result;
}

}  // namespace whittle::cuda::emulator

inline void __syncthreads() {
  whittle::cuda::emulator::Block::current().synchronize(false);
}

inline int __syncthreads_count(int predicate) {
  return whittle::cuda::emulator::Block::current().synchronize(predicate != 0);
}

inline int __syncthreads_or(int predicate) {
  return __syncthreads_count(predicate) > 0;
}

inline int __syncthreads_and(int predicate) {
  return __syncthreads_count(!predicate) == 0;
}

inline void __syncwarp(unsigned mask = 0xffffffffu) {
  whittle::cuda::emulator::meetAll(mask, whittle::cuda::emulator::warpBarrier, 0);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const int lane = whittle::cuda::emulator::Block::current().lane();
  return whittle::cuda::emulator::take(mask, whittle::cuda::emulator::shuffle, value, lane / width * width + (source & (width - 1)), true);
}

template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = whittle::cuda::emulator::Block::current().lane();
  const int source = lane - static_cast<int>(delta);
  return whittle::cuda::emulator::take(mask, whittle::cuda::emulator::shuffleUp, value, source, source >= lane / width * width);
}

template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = whittle::cuda::emulator::Block::current().lane();
  const int source = lane + static_cast<int>(delta);
  return whittle::cuda::emulator::take(mask, whittle::cuda::emulator::shuffleDown, value, source, source < (lane / width + 1) * width);
}

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int laneMask, int width = 32) {
  const int lane = whittle::cuda::emulator::Block::current().lane();
  const int source = lane ^ laneMask;
  return whittle::cuda::emulator::take(mask, whittle::cuda::emulator::shuffleXor, value, source, source < (lane / width + 1) * width);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return whittle::cuda::emulator::ballot(mask, predicate != 0);
}

inline int __any_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) != 0;
}

inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, !predicate) == 0;
}

template <typename T>
T __reduce_add_sync(unsigned mask, T value) {
  return whittle::cuda::emulator::reduce(mask, value, [](T a, T b) { return a + b; });
}

template <typename T>
T __reduce_min_sync(unsigned mask, T value) {
  return whittle::cuda::emulator::reduce(mask, value, [](T a, T b) { return a < b ? a : b; });
}

template <typename T>
T __reduce_max_sync(unsigned mask, T value) {
  return whittle::cuda::emulator::reduce(mask, value, [](T a, T b) { return a > b ? a : b; });
}
