// Products of many rows with block weights, by warps for themselves: a tile of 128 lines, or 64, of which a warp takes 32. The tensor cores' sum over a block is scaled in f32.
#pragma once

#include "block-tile.cuh"
#include "matrix-unit.cuh"

namespace whittle::cuda {

template <typename T, typename Tile>
__global__ void __launch_bounds__(256, Tile::lines == 128 ? 1 : 2) blockTileKernel(const __grid_constant__ Product product) {
  WHITTLE_SHARED(shared);
  TileWork<Tile> tile(product, shared);
  const int count = tile.slices();
  afterPrevious();
#pragma unroll
  for (int slice = 0; slice < Tile::slices - 1; slice++) tile.fill(slice);

  constexpr int across = Tile::lines / 32, rows = Tile::rows / (Tile::threads / 32 / across);
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const int firstLine = warp % across * 32, firstRow = warp / across * rows;
  float sums[2][rows / 8][4] = {};
  for (int slice = 0; slice < count; slice++) {
    copiesLeft<Tile::slices - 2>();
    // All have this slice, and have read the one before, whose place is filled next.
    __syncthreads();
    tile.fill(slice + Tile::slices - 1);
    const unsigned char* const stage = tile.input(slice);
#pragma unroll
    for (int block = 0; block < 2; block++) {
      BlockFragments weight[2];
#pragma unroll
      for (int m = 0; m < 2; m++) tile.template load<T>(weight[m], slice, block, firstLine + 16 * m);
#pragma unroll
      for (int n = 0; n < rows / 8; n++) {
        uint32_t in[4];
        loadMatrices(in, stage + swizzledPiece(firstRow + 8 * n + lane % 8, 4 * block + lane / 8));
#pragma unroll
        for (int m = 0; m < 2; m++) {
          float products[4] = {};
          matrixMultiply<T>(products, weight[m].codes[0], {in[0], in[1]});
          matrixMultiply<T>(products, weight[m].codes[1], {in[2], in[3]});
#pragma unroll
          for (int i = 0; i < 4; i++) sums[m][n][i] = fmaf(weight[m].scale[i / 2], products[i], sums[m][n][i]);
        }
      }
    }
  }

  __syncthreads();
#pragma unroll
  for (int m = 0; m < 2; m++) {
#pragma unroll
    for (int n = 0; n < rows / 8; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) tile.put(firstRow + 8 * n + lane % 4 * 2 + i % 2, firstLine + 16 * m + lane / 4 + i / 2 * 8, sums[m][n][i]);
    }
  }
  __syncthreads();
  tile.finish();
}

// Of 128 lines where a thread block may have the memory for them, or of 64.
template <typename Block, int lines>
using WarpTile = BlockTile<Block, lines, 128, 3>;

// Where a thread block may have the memory, for many rows, or when they are quicker than streaming: as many sums take less than half of its time.
template <typename Block>
bool inBlockTiles(const Call& call, const Product& product) {
  using Tile = WarpTile<Block, 128>;
  if (WarpTile<Block, 64>::bytes > call.machine.sharedBytes) return false;
  return product.rows() > 2 * Tile::rows || (product.rows() > Tile::rows / 2 && Tile::fills(call, product, 2));
}

template <typename T, typename Block>
bool multiplyBlockTiles(const Call& call, const Product& product) {
  const auto launch = [&]<int lines>() {
    using Tile = WarpTile<Block, lines>;
    return call.launch(blockTileKernel<T, Tile>, Tile::grid(product), dim3(Tile::threads), Tile::bytes, product);
  };
  return WarpTile<Block, 128>::bytes <= call.machine.sharedBytes ? launch.template operator()<128>() : launch.template operator()<64>();
}

}  // namespace whittle::cuda
