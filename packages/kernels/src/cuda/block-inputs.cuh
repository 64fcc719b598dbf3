// A row of x in shared memory, as the tensor cores take it past codes of q4_0 that are read as subnormal floats.
//
// The bits of a small integer, read as a 16-bit float, are that integer in units of the smallest subnormal: exactly, up to 2047 in f16 and up to 255 in bf16, and tensor
// cores multiply subnormals exactly (Fasi et al. 2021, "Numerical behavior of NVIDIA tensor cores"; so does an H100). So codes need no arithmetic on their way there. They
// count from 0 where the format counts from -8; the difference is taken off the sum over a block once, by the sum of its x.
#pragma once

#include "block-pairs.cuh"

namespace whittle::cuda {

// What the codes of a block's second half, which stay in their bytes' high bits, count for.
constexpr float highNibble = 16;

// A lane's codes of a block as pairs of subnormals: those of the block's first half, then those of the second.
template <bool shifted>
__device__ inline void loadSubnormals(const unsigned char* codes, uint32_t (&pairs)[4]) {
  const uint32_t word = wordAt<shifted>(codes), next = word >> 8;
  pairs[0] = word & 0x000f000f;
  pairs[1] = next & 0x000f000f;
  pairs[2] = word & 0x00f000f0;
  pairs[3] = next & 0x00f000f0;
}

// Of a block of x: what its sum of products with a block's codes begins with, and what one unit of that sum is worth.
struct BlockSum {
  float start, unit;
};

// The sum of the four threads that share a block.
__device__ inline float sumOfQuad(float part) {
  part += __shfl_xor_sync(~0u, part, 1);
  return part + __shfl_xor_sync(~0u, part, 2);
}

// Makes a thread's eight elements of a block of x, in pairs, what is multiplied; the four threads of the block call it together.
template <typename T>
__device__ BlockSum scaleInputs(uint32_t (&pairs)[4]);

template <>
__device__ inline BlockSum scaleInputs<F16>(uint32_t (&pairs)[4]) {
  float sum = 0;
#pragma unroll
  for (const uint32_t pair : pairs) sum += halfToFloat(static_cast<uint16_t>(pair)) + halfToFloat(static_cast<uint16_t>(pair >> 16));
  // Units of 2^-24.
  return {-0x1p-21f * sumOfQuad(sum), 0x1p24f};
}

// Products with bf16's units of 2^-133 would be no ordinary floats. So a power of two makes the largest of a block about 2^120, which rounds nothing. Of what is 2^115 or
// larger, or not finite, nothing comes that is finite.
template <>
__device__ inline BlockSum scaleInputs<BF16>(uint32_t (&pairs)[4]) {
  // Exponents as they are stored: of the largest that comes out, and of the smallest that is scaled to it.
  constexpr int top = 247, least = 30;
  int exponent = least;
#pragma unroll
  for (const uint32_t pair : pairs) exponent = max(exponent, max(static_cast<int>(pair >> 7 & 255), static_cast<int>(pair >> 23 & 255)));
  exponent = max(exponent, __shfl_xor_sync(~0u, exponent, 1));
  exponent = max(exponent, __shfl_xor_sync(~0u, exponent, 2));
  const auto power = [](int by) { return __uint_as_float(static_cast<uint32_t>(127 + by) << 23); };
  // In two steps, as it may be more than the largest power that a float holds.
  const int up = top - exponent;
  const float first = power(up / 2), second = power(up - up / 2);
  float sum = 0;
#pragma unroll
  for (uint32_t& pair : pairs) {
    const float low = __uint_as_float(pair << 16) * first * second, high = __uint_as_float(pair & 0xffff0000) * first * second;
    sum += low + high;
    pair = packBFloats(low, high);
  }
  return {sumOfQuad(sum) * 0x1p-120f * -0x1p-10f, power(min(133 - up, 128))};
}

// In shared memory: a lane's piece of each block, 16 bytes, and behind them what belongs to the blocks.
inline int inputBytes(int64_t depth) {
  return static_cast<int>(2 * depth + depth / blockElements * static_cast<int64_t>(sizeof(BlockSum)));
}

// By all threads of a block.
template <typename T>
__device__ void loadInputs(const Product& product, unsigned char* inputs) {
  const int pieces = static_cast<int>(product.depth()) / 8;
  auto* const sums = reinterpret_cast<BlockSum*>(inputs + 16 * pieces);
#pragma unroll 2
  for (int piece = threadIdx.x; piece < pieces; piece += blockDim.x) {
    const auto* const fours = reinterpret_cast<const uint2*>(product.x.row<const T>(0) + piece / 4 * blockElements + piece % 4 * 4);
    uint32_t pairs[4];
    interleave({__ldg(fours), __ldg(fours + 4)}, pairs);
    const BlockSum sum = scaleInputs<T>(pairs);
    reinterpret_cast<uint4*>(inputs)[piece] = {pairs[0], pairs[1], pairs[2], pairs[3]};
    if (piece % 4 == 0) sums[piece / 4] = sum;
  }
}

}  // namespace whittle::cuda
