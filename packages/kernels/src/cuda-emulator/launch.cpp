#include "launch.h"

#include <string>
#include <utility>

#include "status.h"

namespace whittle::cuda::emulator {

namespace {

thread_local bool backward = false;

}  // namespace

void runBackward(bool value) {
  backward = value;
}

cudaError_t checkLimits(const dim3& grid, const dim3& block, size_t sharedBytes, size_t parameterBytes) {
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  const bool gridFits = grid.x > 0 && grid.x <= 0x7fffffffu && grid.y > 0 && grid.y <= 65535 && grid.z > 0 && grid.z <= 65535;
  const bool blockFits = threads > 0 && threads <= 1024 && block.z <= 64;
  if (!gridFits || !blockFits) return remember(cudaErrorInvalidConfiguration);
  if (sharedBytes > size_t{227} << 10 || parameterBytes > 32764) return remember(cudaErrorInvalidValue);
  return cudaSuccess;
}

cudaError_t runGrid(const Grid& grid) {
  std::string failure = Block::runAll(grid, backward);
  return failure.empty() ? cudaSuccess : launchFailure(std::move(failure));
}

}  // namespace whittle::cuda::emulator
