#include "isa.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace whittle {

namespace {

constexpr bool all(unsigned bits, unsigned wanted) {
  return (bits & wanted) == wanted;
}

constexpr unsigned bit(Isa isa) {
  return 1u << static_cast<int32_t>(isa);
}

// One bit for each that runs here.
unsigned detect() {
  unsigned found = bit(Isa::baseline);
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return found;
  constexpr unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, f16c = 1u << 29;
  if (!all(c, fma | osxsave | avx | f16c)) return found;
  // What the operating system saves (XCR0): SSE and AVX state; for AVX-512 its masks, upper halves and upper registers as well.
  unsigned saved, high;
  __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  if (!all(saved, 0x06)) return found;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  constexpr unsigned avx2 = 1u << 5;
  if (!all(b, avx2)) return found;
  found |= bit(Isa::avx2);
  constexpr unsigned f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31, vnni512 = 1u << 11;
  if (all(saved, 0xe6) && all(b, f | dq | bw | vl) && all(c, vnni512)) found |= bit(Isa::avx512);
  constexpr unsigned avxvnni = 1u << 4;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && all(a, avxvnni)) found |= bit(Isa::avxvnni);
#endif
  return found;
}

}  // namespace

const char* nameOf(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
    case Isa::avx2:
      return "avx2";
    case Isa::avxvnni:
      return "avxvnni";
    case Isa::avx512:
      return "avx512";
  }
  return "unknown";
}

bool runsHere(Isa isa) {
  static const unsigned found = detect();
  return (found & bit(isa)) != 0;
}

Isa bestIsa() {
  Isa best = Isa::baseline;
  for (Isa isa : allIsas) best = runsHere(isa) ? isa : best;
  return best;
}

}  // namespace whittle
