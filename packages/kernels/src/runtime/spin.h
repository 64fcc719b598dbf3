// Waiting without giving up the processor, for the few microseconds that lie between two steps of one computation.
#pragma once

#include <chrono>

namespace whittle {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Waits up to `limit` for a condition; whether it came true.
template <typename Condition>
bool spinUntil(std::chrono::microseconds limit, Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + limit;
  do {
    for (int i = 0; i < 64; i++) {
      if (condition()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

}  // namespace whittle
