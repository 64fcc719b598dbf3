// Blocks of 16 rows of weights in shared memory, multiplied on the tensor cores: a lane takes four codes at a time, makes 16-bit floats of them (exactly), and the sum
// over a block is scaled in f32. The elements of a block are taken in the order that suits the lanes, the same for weights and activations.
#pragma once

#include "blocks.cuh"
#include "matrix-unit.cuh"
#include "product.cuh"

namespace whittle::cuda {

// So many elements of a row of blocks are a multiple of 16 bytes.
constexpr int alignedElements = 8 * blockElements;

// Rows that can be copied in pieces of 16 bytes.
inline bool blocksAligned(const Product& product) {
  if (product.depth() == 0 || product.depth() % alignedElements != 0 || !rowsAligned(product.x)) return false;
  for (int i = 0; i < product.count; i++) {
    if (!rowsAligned(product.weight[i])) return false;
  }
  return true;
}

// The word at a 2-byte aligned place; `shifted` says that it is no multiple of 4.
template <bool shifted>
__device__ inline uint32_t wordAt(const unsigned char* place) {
  if constexpr (!shifted) return *reinterpret_cast<const uint32_t*>(place);
  const auto* words = reinterpret_cast<const uint32_t*>(place - 2);
  return __funnelshift_r(words[0], words[1], 16);
}

// The pairs of one row of weights: those of the block's first half, then those of the second. `codes` are the codes of its block, from the
// lane's own on.
template <typename T, typename Block, bool shifted>
__device__ inline void loadPairs(const unsigned char* codes, uint32_t (&pairs)[4]) {
  const uint32_t first = wordAt<shifted>(codes);
  if constexpr (sizeof(Block) == sizeof(Q8Block)) {
    const uint32_t second = wordAt<shifted>(codes + 16);
    pairs[0] = Codes<T>::pairOfQ8(first);
    pairs[1] = Codes<T>::pairOfQ8(first >> 8);
    pairs[2] = Codes<T>::pairOfQ8(second);
    pairs[3] = Codes<T>::pairOfQ8(second >> 8);
  } else {
    pairs[0] = Codes<T>::pairOfQ4(first);
    pairs[1] = Codes<T>::pairOfQ4(first >> 8);
    pairs[2] = Codes<T>::pairOfQ4(first >> 4);
    pairs[3] = Codes<T>::pairOfQ4(first >> 12);
  }
}

// Four neighbouring activations of each half of a block, as the pairs (0, 2) and (1, 3).
__device__ inline void interleave(const uint2 (&fours)[2], uint32_t (&pairs)[4]) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    pairs[2 * half] = __byte_perm(fours[half].x, fours[half].y, 0x5410);
    pairs[2 * half + 1] = __byte_perm(fours[half].x, fours[half].y, 0x7632);
  }
}

// sums += the products of one block of each of 16 rows. `row` is the lane's first row in shared memory, its second one (8 rows on) lies `second` bytes further on.
template <typename T, typename Block, int columns, int second, bool shifted>
__device__ inline void addBlock(const unsigned char* row, int thread, const uint32_t (&activations)[columns][4],
                                float (&sums)[columns][4]) {
  uint32_t low[4], high[4];
  loadPairs<T, Block, shifted>(row + 2 + 4 * thread, low);
  loadPairs<T, Block, shifted>(row + second + 2 + 4 * thread, high);
  const float lowScale = halfToFloat(*reinterpret_cast<const uint16_t*>(row));
  const float highScale = halfToFloat(*reinterpret_cast<const uint16_t*>(row + second));
#pragma unroll
  for (int c = 0; c < columns; c++) {
    float products[4] = {};
    matrixMultiply<T>(products, {low[0], high[0], low[1], high[1]}, {activations[c][0], activations[c][1]});
    matrixMultiply<T>(products, {low[2], high[2], low[3], high[3]}, {activations[c][2], activations[c][3]});
    sums[c][0] = fmaf(lowScale, products[0], sums[c][0]);
    sums[c][1] = fmaf(lowScale, products[1], sums[c][1]);
    sums[c][2] = fmaf(highScale, products[2], sums[c][2]);
    sums[c][3] = fmaf(highScale, products[3], sums[c][3]);
  }
}

}  // namespace whittle::cuda
