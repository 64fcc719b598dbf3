// Products with block weights, whatever the alignment and the dtype of the activations: a warp for each line, a lane for each of 32
// elements. Sums are formed in one order whatever the number of rows.
#pragma once

#include "blocks.cuh"
#include "product.cuh"
#include "reduce.cuh"

namespace whittle::cuda {

constexpr int visitRows = 8;
constexpr int visitWarps = 8;

template <typename T, typename Block>
__device__ inline void visitLine(const Product& product, int64_t line, int half, int64_t firstRow, int rows, float (&sums)[visitRows]) {
  const int lane = threadIdx.x % 32;
  const auto* blocks = static_cast<const Block*>(weightRow(product, line, half));
  for (int64_t k = lane; k < product.depth(); k += 32) {
    const float weight = elementOf(blocks[k / Block::elements], static_cast<int>(k % Block::elements));
#pragma unroll
    for (int r = 0; r < visitRows; r++) {
      if (r < rows) sums[r] = fmaf(toFloat(product.x.row<const T>(firstRow + r)[k]), weight, sums[r]);
    }
  }
#pragma unroll
  for (int r = 0; r < visitRows; r++) sums[r] = warpReduce(sums[r], [](float a, float b) { return a + b; });
}

template <typename T, typename Block>
__global__ void __launch_bounds__(32 * visitWarps) visitBlocksKernel(const __grid_constant__ Product product) {
  const int64_t firstRow = int64_t{blockIdx.x} * visitRows, line = int64_t{blockIdx.y} * visitWarps + threadIdx.x / 32;
  const int rows = static_cast<int>(product.rows() - firstRow < visitRows ? product.rows() - firstRow : visitRows);
  afterPrevious();
  if (line >= product.lines()) return;
  float first[visitRows] = {}, second[visitRows] = {};
  visitLine<T, Block>(product, line, 0, firstRow, rows, first);
  if (product.gated) visitLine<T, Block>(product, line, 1, firstRow, rows, second);
  if (threadIdx.x % 32 != 0) return;
#pragma unroll
  for (int r = 0; r < visitRows; r++) {
    if (r < rows) {
      if (product.gated) {
        finishGated(product, firstRow + r, line, first[r], second[r]);
      } else {
        finishLine(product, firstRow + r, line, first[r]);
      }
    }
  }
}

template <typename T, typename Block>
bool visitBlocks(const Call& call, const Product& product) {
  const dim3 grid(static_cast<unsigned>(divideUp(product.rows(), visitRows)), static_cast<unsigned>(divideUp(product.lines(), visitWarps)));
  return call.launch(visitBlocksKernel<T, Block>, grid, dim3(32 * visitWarps), 0, product);
}

}  // namespace whittle::cuda
