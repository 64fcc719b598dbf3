// Products of many rows with block weights by Hopper's groups of four warps: 128 lines by 256 or 128 rows a thread block, 64 lines a group. The sum over a block is scaled in
// f32 by the line's scale, 64 rows at a time, while the tensor cores do the next 64.
#pragma once

#include "block-tile.cuh"
#include "warpgroup-unit.cuh"

namespace whittle::cuda {

template <typename Block, int rows>
using GroupTile = BlockTile<Block, 128, rows, 4>;

template <typename T, typename Block, int rows>
__global__ void __launch_bounds__(256, 1) blockGroupKernel(const __grid_constant__ Product product) {
  if (!groupsMultiply) return;
  using Tile = GroupTile<Block, rows>;
  constexpr int chunks = rows / 64;
  WHITTLE_SHARED(shared);
  TileWork<Tile> tile(product, shared);
  const int count = tile.slices();
  afterPrevious();
#pragma unroll
  for (int slice = 0; slice < 3; slice++) tile.fill(slice);

  // Of this warp.
  const int firstLine = threadIdx.x / 32 * 16;
  float sums[chunks][32] = {}, products[2][32];
  const auto add = [&](float (&sum)[32], const float (&part)[32], const float (&scale)[2]) {
#pragma unroll
    for (int i = 0; i < 32; i++) sum[i] = fmaf(scale[i / 2 % 2], part[i], sum[i]);
  };
  BlockFragments fragments[2];
  copiesLeft<2>();
  showToProducts();
  __syncthreads();
  tile.template load<T>(fragments[0], 0, 0, firstLine);

  for (int stretch = 0; stretch < count; stretch += Tile::stretch) {
#pragma unroll
    for (int block = 0; block < 2 * Tile::stretch; block++) {
      const int slice = stretch + block / 2;
      const ProductRows inputs = productRows(tile.input(slice));
      BlockFragments &own = fragments[block % 2], &other = fragments[1 - block % 2];
#pragma unroll
      for (int chunk = 0; chunk < chunks; chunk++) {
        // Two batches of products are on their way, but for a moment.
        float(&current)[32] = products[chunk % 2], (&before)[32] = products[1 - chunk % 2];
        beginProducts();
#pragma unroll
        for (int k = 0; k < 2; k++) groupMultiply<T>(current, own.codes[k], inputs, 64 * chunk, 2 * (block % 2) + k, k == 1);
        endProducts();
        if (block % 2 == 0 && chunk == 1) {
          copiesLeft<1>();
          showToProducts();
          // All have the next slice, and have multiplied the one before, whose place is filled next.
          __syncthreads();
          tile.fill(slice + 3);
        }
        if (chunk > 0) {
          productsLeft<1>(before);
          add(sums[chunk - 1], before, own.scale);
          continue;
        }
        if (block > 0) {
          productsLeft<1>(before);
          add(sums[chunks - 1], before, other.scale);
          keepOperand(other.codes[0]);
          keepOperand(other.codes[1]);
        }
        // After the last slice: of one that nobody multiplies.
        tile.template load<T>(other, slice + block % 2, 1 - block % 2, firstLine);
      }
    }
    // Products cannot outlast the turn of a loop that they began in: the compiler would take them one by one.
    productsLeft<0>(products[1]);
    add(sums[chunks - 1], products[1], fragments[1].scale);
  }

  const int lane = threadIdx.x % 32;
  __syncthreads();
#pragma unroll
  for (int chunk = 0; chunk < chunks; chunk++) {
#pragma unroll
    for (int i = 0; i < 32; i++) tile.put(64 * chunk + i / 4 * 8 + lane % 4 * 2 + i % 2, firstLine + lane / 4 + i / 2 % 2 * 8, sums[chunk][i]);
  }
  __syncthreads();
  tile.finish();
}

// Where the GPU has them, for many rows, or when they are quicker than streaming: as many sums take a quarter of its time.
template <typename Block>
bool inBlockGroups(const Call& call, const Product& product) {
  using Tile = GroupTile<Block, 128>;
  if (call.machine.capability != 90 || GroupTile<Block, 256>::bytes > call.machine.sharedBytes) return false;
  return product.rows() > 2 * Tile::rows || (product.rows() > Tile::rows / 2 && Tile::fills(call, product, 4));
}

template <typename T, typename Block, int rows>
bool launchBlockGroups(const Call& call, const Product& product) {
  using Tile = GroupTile<Block, rows>;
  return call.launch(blockGroupKernel<T, Block, rows>, Tile::grid(product), dim3(Tile::threads), Tile::bytes, product);
}

template <typename T, typename Block>
bool multiplyBlockGroups(const Call& call, const Product& product) {
  // A tile of 128 rows takes about 5/8 of the time of one of 256.
  const bool narrow = 5 * GroupTile<Block, 128>::turns(call, product) <= 8 * GroupTile<Block, 256>::turns(call, product);
  return narrow ? launchBlockGroups<T, Block, 128>(call, product) : launchBlockGroups<T, Block, 256>(call, product);
}

}  // namespace whittle::cuda
