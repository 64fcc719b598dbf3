#include "rope.cuh"

namespace whittle::cuda {

static bool ropePair(const Call& call) {
  const Tensor &q = call[0], &k = call[1], &table = call[2], &rotatedQ = call[3], &rotatedK = call[4];
  return rotate(call, rotated(q, rotatedQ, table), rotated(k, rotatedK, table), table, call.flag(0));
}

WHITTLE_CUDA_KERNEL("ropePair", ropePair);

}  // namespace whittle::cuda
