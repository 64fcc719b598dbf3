// How the rows of an attention are shared out to blocks: what `attendRowsKernel` and its launch agree on.
#pragma once

#include "attend-part.cuh"

namespace whittle::cuda {

constexpr int warpKeys = 32;
// Tiles of keys or values that a warp has room for: one in use, two on their way.
constexpr int warpTiles = 3;
constexpr int maximalHeadDim = 256;

struct RowsPlan {
  // Neighbouring rows of a block, together if they see one list, else one after the other.
  int32_t rows;
  // Query heads of a block, and blocks that share a group.
  int32_t heads;
  int32_t headParts;
  // Blocks that share a row's keys.
  int32_t splits;
  // Tiles that are one part, whatever else there is in the call; 0: the tiles are dealt out evenly to the splits.
  int32_t fixedTiles;
  // Rows of a tile of `attendTilesKernel`, which has done those tiles that it can; 0: none.
  int32_t tileRows;
  // 16-byte packs of a row of keys and of values, and whether they can be copied as such.
  int32_t keyPacks;
  int32_t valuePacks;
  bool keysPacked;
  bool valuesPacked;
  int32_t warps;

  // Odd, so that lanes which read the same pack of different rows meet no bank twice.
  constexpr int32_t strideBytes() const { return 16 * ((keyPacks > valuePacks ? keyPacks : valuePacks) | 1); }
  constexpr int32_t tileBytes() const { return warpKeys * strideBytes(); }
};

// Different tables in a tile beyond which it is not one matrix product any more.
constexpr int maximalRuns = 4;

// Whether rows [first, first + rows) see so few tables that the tile kernel takes them. All threads of the block call it.
template <typename Source>
__device__ bool sharedTile(const Source& source, int64_t first, int rows) {
  if constexpr (Source::tabled) {
    int starts = 0;
    for (int base = 0; base < rows; base += static_cast<int>(blockDim.x)) {
      const int64_t row = first + base + threadIdx.x;
      bool start = false;
      if (base + static_cast<int>(threadIdx.x) < rows && row < source.rows.rows()) {
        const int32_t table = source.rows.template row<const int32_t>(row)[0];
        start = table >= 0 && (row == first || source.rows.template row<const int32_t>(row - 1)[0] != table);
      }
      starts += __syncthreads_count(start);
    }
    return starts <= maximalRuns;
  } else {
    return true;
  }
}

}  // namespace whittle::cuda
