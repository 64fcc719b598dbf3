// Products of more than 8 rows, up to a few dozen, with block weights, for activations of 16 bits: weights come from memory once.
//
// A block of threads takes an equal share of the lines, 16 `tiles` rows of weights in a pass (of a gated product half of them of each), past 8 `columns` rows of x.
// Pieces of both, along the depth, are copied into a ring in shared memory, several ahead, across the borders of passes, so that the stream from memory never stops;
// where the weights are settled it begins before the kernels before this one have ended. The warps share each piece, and their sums are added in order at the end of
// a pass.
#pragma once

#include "block-pairs.cuh"

namespace whittle::cuda {

constexpr int batchThreads = 256;
constexpr int batchWarps = batchThreads / 32;
// Of a piece: a pair of blocks for each warp.
constexpr int pieceColumns = 2 * batchWarps * blockElements;

template <typename Block, int tiles, int columns>
struct BlockBatch {
  static constexpr int weightRows = 16 * tiles, inputRows = 8 * columns;
  // So far apart that 8 rows at the same place are in different banks.
  static constexpr int rowBytes = pieceColumns / blockElements * static_cast<int>(sizeof(Block));
  static constexpr int weightPitch = rowBytes + 16, inputPitch = 2 * pieceColumns + 32;
  static constexpr int stageBytes = weightRows * weightPitch + inputRows * inputPitch;
  static constexpr int warpSums = tiles * columns * 128;
  static constexpr int sumBytes = batchWarps * warpSums * static_cast<int>(sizeof(float));
  // Threads that copy a row.
  static constexpr int weightThreads = batchThreads / weightRows, inputThreads = batchThreads / inputRows;

  // Pieces that there is room for on a Hopper multiprocessor; on others at least two.
  static constexpr int room = (227 * 1024 - sumBytes) / stageBytes;
  static constexpr int stages = room < 4 ? room : 4;
  static constexpr int bytes(int stages) { return stages * stageBytes + sumBytes; }
};

template <typename T, typename Block, int tiles, int columns, int stages>
__global__ void __launch_bounds__(batchThreads, 1) batchBlocksKernel(const __grid_constant__ Product product) {
  using Shape = BlockBatch<Block, tiles, columns>;
  WHITTLE_SHARED(shared);
  auto* const partial = reinterpret_cast<float*>(shared + stages * Shape::stageBytes);
  const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32, group = lane / 4, quarter = lane % 4;
  const bool gated = product.gated;
  const int depth = static_cast<int>(product.depth()), pieces = (depth + pieceColumns - 1) / pieceColumns;
  const int tileLines = gated ? 8 : 16, passLines = tiles * tileLines;
  const int64_t lines = product.lines();
  const int64_t from = lines * blockIdx.y / gridDim.y, to = lines * (blockIdx.y + 1) / gridDim.y;
  const int passes = static_cast<int>((to - from + passLines - 1) / passLines), steps = passes * pieces;

  // What this thread copies next of a row of weights (null: there is none).
  const int weightRow = thread / Shape::weightThreads, weightPiece = thread % Shape::weightThreads;
  int64_t nextLine = from;
  int weightStep = 0, weightColumn = 0;
  const unsigned char* weight = nullptr;
  const auto aim = [&] {
    const int64_t line = nextLine + weightRow / 16 * tileLines + weightRow % tileLines;
    weight = nullptr;
    if (line >= to) return;
    const Line at = weightAt(product, line, weightRow % 16 / tileLines);
    weight = reinterpret_cast<const unsigned char*>(blockRow<Block>(product.weight[at.matrix], at.row));
  };
  aim();
  const auto columnsFrom = [&](int column) { return depth - column < pieceColumns ? depth - column : pieceColumns; };
  const auto copyWeights = [&] {
    if (weightStep >= steps) return;
    if (weight) {
      unsigned char* const target = shared + weightStep % stages * Shape::stageBytes + weightRow * Shape::weightPitch;
      const unsigned char* const source = weight + weightColumn / blockElements * static_cast<int>(sizeof(Block));
      const int bytes = columnsFrom(weightColumn) / blockElements * static_cast<int>(sizeof(Block));
#pragma unroll
      for (int at = 16 * weightPiece; at < Shape::rowBytes; at += 16 * Shape::weightThreads) {
        if (at < bytes) copyAsync(target + at, source + at);
      }
    }
    weightStep++;
    weightColumn += pieceColumns;
    if (weightColumn >= depth) {
      weightColumn = 0;
      nextLine += passLines;
      aim();
    }
  };
  const int64_t firstRow = int64_t{blockIdx.x} * Shape::inputRows;
  const int inputRow = thread / Shape::inputThreads, inputPiece = thread % Shape::inputThreads;
  const auto* const input = firstRow + inputRow < product.rows() ? product.x.row<const unsigned char>(0) + 2 * (firstRow + inputRow) * product.x.rowStride : nullptr;
  int inputStep = 0, inputColumn = 0;
  const auto copyInputs = [&] {
    if (inputStep < steps && input) {
      unsigned char* const target = shared + inputStep % stages * Shape::stageBytes + Shape::weightRows * Shape::weightPitch + inputRow * Shape::inputPitch;
      const int bytes = 2 * columnsFrom(inputColumn);
#pragma unroll
      for (int at = 16 * inputPiece; at < 2 * pieceColumns; at += 16 * Shape::inputThreads) {
        if (at < bytes) copyAsync(target + at, input + int64_t{2} * inputColumn + at);
      }
    }
    inputStep++;
    inputColumn += pieceColumns;
    if (inputColumn >= depth) inputColumn = 0;
    endCopies();
  };

  const bool early = product.weightsSettled;
  if (early) {
#pragma unroll 1
    for (int stage = 0; stage < stages - 1; stage++) copyWeights();
  }
  afterPrevious();
#pragma unroll 1
  for (int stage = 0; stage < stages - 1; stage++) {
    if (!early) copyWeights();
    copyInputs();
  }

  int reading = 0;
  for (int pass = 0; pass < passes; pass++) {
    float sums[tiles][columns][4] = {};
    for (int piece = 0; piece < pieces; piece++) {
      copiesLeft<stages - 2>();
      // All have their copies of this piece, and have read the one before, whose place is filled next.
      __syncthreads();
      copyWeights();
      copyInputs();
      const unsigned char* const stage = shared + reading * Shape::stageBytes;
      if (++reading == stages) reading = 0;
      if ((2 * warp + 1) * blockElements >= depth - piece * pieceColumns) continue;
      // Four neighbouring activations of each half of two blocks.
      uint32_t activations[2][columns][4];
#pragma unroll
      for (int c = 0; c < columns; c++) {
        const auto* const fours = reinterpret_cast<const uint2*>(stage + Shape::weightRows * Shape::weightPitch + (8 * c + group) * Shape::inputPitch + 128 * warp + 8 * quarter);
        interleave({fours[0], fours[4]}, activations[0][c]);
        interleave({fours[8], fours[12]}, activations[1][c]);
      }
      const unsigned char* const place = stage + group * Shape::weightPitch + 2 * warp * static_cast<int>(sizeof(Block));
#pragma unroll
      for (int t = 0; t < tiles; t++) {
        addBlock<T, Block, columns, 8 * Shape::weightPitch, true>(place + 16 * t * Shape::weightPitch, quarter, activations[0], sums[t]);
        addBlock<T, Block, columns, 8 * Shape::weightPitch, false>(place + 16 * t * Shape::weightPitch + sizeof(Block), quarter, activations[1], sums[t]);
      }
    }

#pragma unroll
    for (int t = 0; t < tiles; t++) {
#pragma unroll
      for (int c = 0; c < columns; c++) {
        const float(&sum)[4] = sums[t][c];
        float* const own = partial + warp * Shape::warpSums + (t * columns + c) * 128 + 2 * lane;
        *reinterpret_cast<float2*>(own) = {sum[0], sum[1]};
        *reinterpret_cast<float2*>(own + 64) = {sum[2], sum[3]};
      }
    }
    __syncthreads();
    // The warps' sums, in the order of the warps: lines r and r + 8 of a tile (the two halves of a gated line) by one thread.
    for (int item = thread; item < tiles * columns * 64; item += batchThreads) {
      const int r = item % 8, t = item / 64 / columns;
      const int64_t row = firstRow + item / 64 % columns * 8 + item / 8 % 8, line = from + int64_t{pass} * passLines + t * tileLines + r;
      if (row >= product.rows() || line >= to) continue;
      const float* const part = partial + item / 64 * 128 + r * 8 + item / 8 % 8;
      float low = 0, high = 0;
#pragma unroll
      for (int w = 0; w < batchWarps; w++) {
        low += part[w * Shape::warpSums];
        high += part[w * Shape::warpSums + 64];
      }
      finishPair(product, row, line, to, low, high);
    }
  }
}

// Whether there is room for two pieces of 16 rows of x.
template <typename Block>
bool blocksBatch(const Call& call, const Product& product) {
  return blocksAligned(product) && BlockBatch<Block, 2, 2>::bytes(2) <= call.machine.sharedBytes;
}

template <typename T, typename Block, int tiles, int columns>
bool launchBatch(const Call& call, const Product& product) {
  using Shape = BlockBatch<Block, tiles, columns>;
  const int64_t most = divideUp(product.lines(), product.gated ? 4 : 8);
  const dim3 grid(static_cast<unsigned>(divideUp(product.rows(), Shape::inputRows)),
                  static_cast<unsigned>(most < call.machine.multiprocessors ? most : call.machine.multiprocessors));
  const auto launch = [&]<int stages>() {
    return call.launch(batchBlocksKernel<T, Block, tiles, columns, stages>, grid, dim3(batchThreads), Shape::bytes(stages), product);
  };
  return Shape::bytes(Shape::stages) <= call.machine.sharedBytes ? launch.template operator()<Shape::stages>() : launch.template operator()<2>();
}

template <typename T, typename Block>
bool batchBlocks(const Call& call, const Product& product) {
  if (product.rows() <= 16 || BlockBatch<Block, 2, 4>::bytes(2) > call.machine.sharedBytes) return launchBatch<T, Block, 2, 2>(call, product);
  return launchBatch<T, Block, 2, 4>(call, product);
}

}  // namespace whittle::cuda
