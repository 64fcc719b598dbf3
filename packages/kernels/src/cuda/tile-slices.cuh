// Operands of 16-bit numbers in shared memory: slices of 32 columns of 128 rows, for products on the tensor cores.
#pragma once

#include "platform.cuh"

namespace whittle::cuda {

constexpr int tileSide = 128;
// Columns at a time: 64 bytes of a row, four pieces.
constexpr int sliceColumns = 32;
constexpr int sliceBytes = tileSide * 64;

// Where a piece of a row of a slice lies. The order of the pieces changes from row to row, so that eight rows of a column meet all banks.
__device__ inline int pieceAt(int row, int piece) {
  return row * 64 + 16 * (piece ^ (row / 2 % 4));
}

}  // namespace whittle::cuda
