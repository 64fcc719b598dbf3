// Attention of runs of rows on the tensor cores: a block has 64 or 128 neighbouring rows of one head.
//
// Rows of a tile may use a few tables: the block goes over the keys of each, and the other rows see none of them. Tiles of more tables are left to
// `attendRowsKernel`.
#pragma once

#include "attend-rows-plan.cuh"
#include "attend-tile-block.cuh"

namespace whittle::cuda {

template <typename T, int dim, int atoms, typename Source>
__global__ void __launch_bounds__(32 * tileWarps, 2) attendTilesKernel(Source source, AttendShape shape, Tensor q, Tensor out, Tensor stats) {
  WHITTLE_SHARED(shared);
  afterPrevious();
  using Memory = TileMemory<T, dim, atoms>;
  // The last rows first: under a causal mask they have most to do.
  const auto tiles = static_cast<int64_t>(gridDim.x) / shape.heads;
  const int64_t first = (tiles - 1 - blockIdx.x / shape.heads) * Memory::rows;
  if (!sharedTile(source, first, Memory::rows)) return;
  TileBlock<T, dim, atoms, Source> block(source, shape, *reinterpret_cast<Memory*>(shared), first, q.rows(),
                                         static_cast<int32_t>(blockIdx.x % shape.heads));
  block.attend(q, out, stats);
}

}  // namespace whittle::cuda
