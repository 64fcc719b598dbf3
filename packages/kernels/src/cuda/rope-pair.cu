#include "fusion.cuh"
#include "rope.cuh"

namespace whittle::cuda {

static Rotation rotationOfPair(const Call& call) {
  return rotationOf(call[0], call[1], call[2], call[3], call[4]);
}

static bool ropePair(const Call& call) {
  return rotate<false>(call, rotationOfPair(call), call.flag(0));
}

WHITTLE_CUDA_KERNEL("ropePair", ropePair);

// A step's keys are rotated and go into the cache: what a launch costs is more than either takes.
static Fused ropePairAppended(const Call& rope, const Call& append) {
  const Tensor &rotatedK = rope[4], &k = append[0], &keys = append[2];
  const bool sameKeys = k.data == rotatedK.data && k.dtype == rotatedK.dtype && k.rows() == rotatedK.rows() && k.columns() == rotatedK.columns() &&
                        k.rowStride == rotatedK.rowStride && append[1].dtype == k.dtype;
  if (!sameKeys || k.columns() == 0) return Fused::no;
  // Faults are those of appending.
  return fused(rotate<true>(append, rotationOfPair(rope), rope.flag(0), {append[1], keys, append[3], append[4], append.areSettled(4, 1)}));
}

WHITTLE_CUDA_FUSION("ropePair", "appendKv.paged", ropePairAppended);

}  // namespace whittle::cuda
