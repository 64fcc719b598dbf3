#include "isa.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace whittle {

namespace {

#if defined(__x86_64__)
bool hasAvx2FmaF16c() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
  constexpr unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
  if ((c & (fma | osxsave | avx | f16c)) != (fma | osxsave | avx | f16c)) return false;
  // The operating system must save the upper halves of the vector registers (XCR0: SSE and AVX state).
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 6u) != 6u) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  return (b & (1u << 5)) != 0;
}
#else
bool hasAvx2FmaF16c() {
  return false;
}
#endif

}  // namespace

const char* nameOf(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
    case Isa::avx2:
      return "avx2";
  }
  return "unknown";
}

bool runsHere(Isa isa) {
  static const bool avx2 = hasAvx2FmaF16c();
  return isa == Isa::baseline || (isa == Isa::avx2 && avx2);
}

Isa bestIsa() {
  return runsHere(Isa::avx2) ? Isa::avx2 : Isa::baseline;
}

}  // namespace whittle
