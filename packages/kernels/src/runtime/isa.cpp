#include "isa.h"

#include "tile-permission.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace whittle {

namespace {

constexpr unsigned bit(Isa isa) {
  return 1u << static_cast<int32_t>(isa);
}

// detect(): one bit for each that runs here.
#if defined(__x86_64__)
// A build for tests.
#ifdef WHITTLE_AMX_EMULATED
constexpr bool tilesAreEmulated = true;
#else
constexpr bool tilesAreEmulated = false;
#endif

constexpr bool all(unsigned bits, unsigned wanted) {
  return (bits & wanted) == wanted;
}

unsigned detect() {
  unsigned found = bit(Isa::baseline);
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
  constexpr unsigned amxBf16 = 1u << 22, amxTile = 1u << 24, amxInt8 = 1u << 25, tileState = 3u << 17;
  const bool tiles = all(d, amxBf16 | amxTile | amxInt8) && all(saved, tileState);
  constexpr unsigned avxvnni = 1u << 4, bf16 = 1u << 5;
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d)) return found;
  if (all(a, avxvnni)) found |= bit(Isa::avxvnni);
  if (all(found, bit(Isa::avx512)) && all(a, bf16)) found |= bit(Isa::avx512bf16);
  if (all(found, bit(Isa::avx512bf16)) && (tilesAreEmulated || (tiles && tilesPermitted()))) found |= bit(Isa::amx);
  return found;
}
#elif defined(__aarch64__)
#if defined(__APPLE__)
bool hasFeature(const char* name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
}
#endif

bool hasDotProducts() {
#if defined(__linux__)
  constexpr unsigned long asimddp = 1ul << 20;
  return (getauxval(AT_HWCAP) & asimddp) != 0;
#elif defined(__APPLE__)
  return hasFeature("hw.optional.arm.FEAT_DotProd");
#else
  return false;
#endif
}

bool hasMatrixProducts() {
#if defined(__linux__)
  constexpr unsigned long i8mm = 1ul << 13;
  return (getauxval(AT_HWCAP2) & i8mm) != 0;
#elif defined(__APPLE__)
  return hasFeature("hw.optional.arm.FEAT_I8MM");
#else
  return false;
#endif
}

unsigned detect() {
  unsigned found = bit(Isa::baseline);
  if (!hasDotProducts()) return found;
  found |= bit(Isa::dotprod);
  return hasMatrixProducts() ? found | bit(Isa::i8mm) : found;
}
#else
unsigned detect() {
  return bit(Isa::baseline);
}
#endif

}  // namespace

const char* nameOf(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
#if defined(__aarch64__)
    case Isa::dotprod:
      return "dotprod";
    case Isa::i8mm:
      return "i8mm";
#else
    case Isa::avx2:
      return "avx2";
    case Isa::avxvnni:
      return "avxvnni";
    case Isa::avx512:
      return "avx512";
    case Isa::avx512bf16:
      return "avx512bf16";
    case Isa::amx:
      return "amx";
#endif
  }
  return "unknown";
}

std::optional<Isa> isaNamed(const std::string& name) {
  for (Isa isa : allIsas) {
    if (name == nameOf(isa)) return isa;
  }
  return std::nullopt;
}

bool runsHere(Isa isa) {
  static const unsigned found = detect();
  return (found & bit(isa)) != 0;
}

Isa bestIsa() {
  Isa best = Isa::baseline;
  for (Isa isa : allIsas) best = runsHere(isa) && isProven(isa) ? isa : best;
  return best;
}

}  // namespace whittle
