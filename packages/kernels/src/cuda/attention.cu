#include "attend.cuh"

namespace whittle::cuda {

static bool attention(const Call& call) {
  const Tensor &q = call[0], &k = call[1], &v = call[2], &ranges = call[3];
  const RangedKeys source{k, v, ranges, call.faults, call.areSettled(3, 1)};
  return attend(call, source, attendShape(call, q, v, 2), q, call[4], Tensor{}, q.rows() > 1);
}

WHITTLE_CUDA_KERNEL("attention", attention);

}  // namespace whittle::cuda
