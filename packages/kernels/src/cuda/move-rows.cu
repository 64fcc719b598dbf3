#include "units.cuh"

namespace whittle::cuda {

// Moves that are made at once.
constexpr int movesAtOnce = 8;

// One after another, as a later move may read what an earlier one wrote. A thread makes all moves for its unit of the rows, so no other has to be waited
// for; and it reads the rows of several moves before it writes any, taking from its registers what a move before would have written.
template <typename U>
__global__ void moveRowsKernel(Tensor x, Tensor moves, int64_t units, Faults faults) {
  const int64_t unit = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, count = moves.rows();
  afterPrevious();
  if (unit >= units) return;
  for (int64_t begin = 0; begin < count; begin += movesAtOnce) {
    int32_t from[movesAtOnce], to[movesAtOnce];
    U held[movesAtOnce];
    bool outside = false;
#pragma unroll
    for (int i = 0; i < movesAtOnce; i++) {
      from[i] = to[i] = -1;
      if (outside || begin + i >= count) continue;
      const int32_t* const move = moves.row<const int32_t>(begin + i);
      // The moves before one that fails are made, as on every device.
      outside = move[0] >= x.rows() || move[1] >= x.rows();
      if (outside) {
        if (unit == 0) faults.raise(Fault::moveOutside, begin + i, move[0], move[1]);
      } else if (move[0] >= 0 && move[1] >= 0) {
        from[i] = move[0];
        to[i] = move[1];
      }
    }
#pragma unroll
    for (int i = 0; i < movesAtOnce; i++) {
      if (from[i] >= 0) held[i] = unitsOf<const U>(x, from[i])[unit];
    }
#pragma unroll
    for (int i = 0; i < movesAtOnce; i++) {
#pragma unroll
      for (int earlier = 0; earlier < i; earlier++) {
        if (from[i] >= 0 && to[earlier] == from[i]) held[i] = held[earlier];
      }
    }
#pragma unroll
    for (int i = 0; i < movesAtOnce; i++) {
      if (to[i] >= 0) unitsOf<U>(x, to[i])[unit] = held[i];
    }
    if (outside) return;
  }
}

static bool moveRows(const Call& call) {
  const Tensor &x = call[0], &moves = call[1];
  const int64_t unit = unitOf(x), units = bytesOf(x.dtype, x.columns()) / unit;
  const dim3 block(64), grid(static_cast<unsigned>(moves.rows() == 0 ? 0 : divideUp(units, 64)));
  return withUnit(unit, [&]<typename U>() { return call.launch(moveRowsKernel<U>, grid, block, 0, x, moves, units, call.faults); });
}

WHITTLE_CUDA_KERNEL("moveRows", moveRows);

}  // namespace whittle::cuda
