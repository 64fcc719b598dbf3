// GGUF's block formats as kernels read them; core's block-formats.ts says what the bytes mean. Blocks are 34, 18 or 210 bytes long and so only
// 2-byte aligned.
#pragma once

#include "chunk.cuh"

namespace whittle::cuda {

struct Q8Block {
  static constexpr int elements = blockElementsOf(DType::q8_0);
  uint16_t scale;
  int8_t codes[blockElements];
};

struct Q4Block {
  static constexpr int elements = blockElementsOf(DType::q4_0);
  uint16_t scale;
  uint8_t codes[blockElements / 2];
};

struct Q4KBlock {
  static constexpr int elements = blockElementsOf(DType::q4_K);
  uint16_t scale;
  uint16_t minScale;
  uint8_t scales[12];
  uint8_t codes[128];
};

struct Q6KBlock {
  static constexpr int elements = blockElementsOf(DType::q6_K);
  uint8_t low[128];
  uint8_t high[64];
  int8_t scales[16];
  uint16_t scale;
};

static_assert(sizeof(Q8Block) == 34 && sizeof(Q4Block) == 18 && sizeof(Q4KBlock) == 144 && sizeof(Q6KBlock) == 210);

// An element as f32, which holds it exactly; of q4_K rounded once.
__device__ inline float elementOf(const Q8Block& block, int index) {
  return halfToFloat(block.scale) * static_cast<float>(block.codes[index]);
}

__device__ inline float elementOf(const Q4Block& block, int index) {
  const int byte = block.codes[index % 16];
  return halfToFloat(block.scale) * static_cast<float>((index < 16 ? byte & 15 : byte >> 4) - 8);
}

__device__ inline float elementOf(const Q4KBlock& block, int index) {
  const int run = index / 32, byte = block.codes[32 * (run / 2) + index % 32];
  const uint8_t* const packed = block.scales;
  const int scale = run < 4 ? packed[run] & 63 : (packed[run + 4] & 15) | (packed[run - 4] >> 6) << 4;
  const int min = run < 4 ? packed[run + 4] & 63 : packed[run + 4] >> 4 | (packed[run] >> 6) << 4;
  const float step = halfToFloat(block.scale) * static_cast<float>(scale), offset = halfToFloat(block.minScale) * static_cast<float>(min);
  return fmaf(step, static_cast<float>(run % 2 == 0 ? byte & 15 : byte >> 4), -offset);
}

__device__ inline float elementOf(const Q6KBlock& block, int index) {
  const int half = index / 128, run = index / 32 % 4, lane = index % 32;
  const int low = block.low[64 * half + 32 * (run % 2) + lane], high = block.high[32 * half + lane] >> 2 * run & 3;
  return halfToFloat(block.scale) * static_cast<float>(block.scales[index / 16]) * static_cast<float>(((run < 2 ? low & 15 : low >> 4) | high << 4) - 32);
}

// Blocks of one row of a tensor, which is nothing but blocks.
template <typename Block>
__device__ inline const Block* blockRow(const Tensor& tensor, int64_t row) {
  return static_cast<const Block*>(tensor.data) + row * (tensor.rowStride / Block::elements);
}

// A chunk of a row of blocks, which are a whole number of chunks long.
template <typename Block>
__device__ inline Chunk loadBlockRow(const Tensor& tensor, int64_t row, int64_t first) {
  const Block& block = blockRow<Block>(tensor, row)[first / Block::elements];
  Chunk chunk;
#pragma unroll
  for (int i = 0; i < chunkSize; i++) chunk.x[i] = elementOf(block, static_cast<int>(first % Block::elements) + i);
  return chunk;
}

// Calls `body.template operator()<Block>()` with what a block dtype is stored as.
template <typename Body>
auto withBlockType(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::q8_0:
      return body.template operator()<Q8Block>();
    case DType::q4_K:
      return body.template operator()<Q4KBlock>();
    case DType::q6_K:
      return body.template operator()<Q6KBlock>();
    default:
      return body.template operator()<Q4Block>();
  }
}

// Eight codes of a row of blocks as four pairs of 16-bit floats, exactly, from a word of shared memory for each half of the block: pair 0
// holds the elements (4i, 4i + 2), pair 1 (4i + 1, 4i + 3), pairs 2 and 3 those 16 further on, where i is the word's place. An integer put
// into the low bits of a power of two is that power plus the integer, so a subtraction turns it into a float.
template <typename T>
struct Codes;

template <>
struct Codes<BF16> {
  // 128 + the low seven bits, minus 128 or, if the sign bit is set, 256.
  __device__ static uint32_t pairOfQ8(uint32_t bytes) {
    return subtractBFloats(maskedOr(bytes, 0x007f007f, 0x43004300), maskedOr(bytes, 0x00800080, 0x43004300));
  }
  __device__ static uint32_t pairOfQ4(uint32_t nibbles) { return subtractBFloats(maskedOr(nibbles, 0x000f000f, 0x43004300), 0x43084308); }
};

template <>
struct Codes<F16> {
  // 1024 + (code + 128), minus 1152.
  __device__ static uint32_t pairOfQ8(uint32_t bytes) {
    return subtractHalfs(maskedOr(bytes ^ 0x00800080, 0x00ff00ff, 0x64006400), 0x64806480);
  }
  __device__ static uint32_t pairOfQ4(uint32_t nibbles) { return subtractHalfs(maskedOr(nibbles, 0x000f000f, 0x64006400), 0x64086408); }
};

}  // namespace whittle::cuda
