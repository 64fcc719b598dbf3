#include "tile-permission.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace whittle {

bool tilesPermitted() {
#if defined(__x86_64__) && defined(__linux__)
  // asm/prctl.h of older systems has no name for it; kernels before 5.16 refuse. A feature's number is its bit in XCR0.
  constexpr long requestPermission = 0x1023, tileData = 18;
  return syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
#else
  return false;
#endif
}

}  // namespace whittle
