// Decode steps: up to 64 rows of x past weights that come from memory once, at its speed. The rows of the weight are the first operand of the tensor
// cores and those of x the second, so a batch of 1 costs as much as one of 8 and a row's result is the same in a batch of any size.
//
// A block takes an equal share of the lines, whatever their number, and its warps take turns along the depth, 32 columns (a tile) each. As the order of the columns
// within a sum is free, lane q of the four that share a row takes columns 8q to 8q + 7: 16 bytes of the row, which are its part of two products. Each lane copies
// what it will itself multiply into a ring of its own in shared memory, several tiles ahead, across the borders of passes, so the stream from memory never stops.
#include "matrix-unit.cuh"
#include "product.cuh"

namespace whittle::cuda {

constexpr int streamWarps = 8;
constexpr int tileColumns = 32;
constexpr int streamRows = 64;
// Of its share, as much as a warp asks for before the kernel before it has ended; and what is left to ask for when the next kernel may start to do so:
// earlier, its weights would fall out of the second-level cache again.
constexpr int tilesAhead = 8;

// A pass is `mTiles` times 16 rows of weights past 8 `nTiles` rows of x.
template <int mTiles, int nTiles>
struct Pass {
  static constexpr int weightBytes = 1024;  // of a warp, 16 rows by 32 columns
  static constexpr int inputBytes = 512;    // 8 rows by 32 columns
  static constexpr int stageBytes = mTiles * weightBytes + nTiles * inputBytes;
  // Two blocks find room on a Hopper multiprocessor, so that the next kernel is set up during this one.
  static constexpr int budget = (nTiles == 8 ? 144 : 96) * 1024;
  static constexpr int stages = budget / (streamWarps * stageBytes);
  static_assert(stages >= 2);
  // Tiles of n whose sums the warps add up at a time.
  static constexpr int together = nTiles > 1 ? nTiles / 2 : 1;
  static constexpr int ringBytes = stages * stageBytes;
  static constexpr int sharedBytes = streamWarps * (ringBytes + together * 128 * static_cast<int>(sizeof(float)));
};

template <typename T, int mTiles, int nTiles>
__global__ void __launch_bounds__(32 * streamWarps, 1) streamKernel(const __grid_constant__ Product product) {
  using Shape = Pass<mTiles, nTiles>;
  WHITTLE_SHARED(shared);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = lane / 4, quarter = lane % 4;
  unsigned char* ring = shared + warp * Shape::ringBytes + lane * 16;
  float* partial = reinterpret_cast<float*>(shared + streamWarps * Shape::ringBytes);

  const int rows = static_cast<int>(product.rows()), depth = static_cast<int>(product.depth());
  const int tiles = (depth + tileColumns - 1) / tileColumns;
  const int own = (tiles - warp + streamWarps - 1) / streamWarps;
  const bool gated = product.gated;
  const int lineStep = gated ? 8 : 16, passLines = mTiles * lineStep;
  const int64_t lines = product.lines();
  const int64_t from = lines * blockIdx.x / gridDim.x, to = lines * (blockIdx.x + 1) / gridDim.x;
  const int passes = static_cast<int>((to - from + passLines - 1) / passLines);

  // What comes next from memory: the pass, its rows of the weights at this lane's columns (null beyond the last), the tile.
  int64_t nextLine = from;
  const unsigned char* source[mTiles][2];
  int nextTile = warp;
  const auto aim = [&] {
#pragma unroll
    for (int m = 0; m < mTiles; m++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const int64_t line = nextLine + m * lineStep + group + (gated ? 0 : 8 * half);
        source[m][half] = line < to ? reinterpret_cast<const unsigned char*>(weightRowOf<T>(product, line, half)) + 16 * quarter : nullptr;
      }
    }
  };
  aim();

  // A line of the cache holds two tiles.
  if (warp % 2 == 0) {
    for (int i = quarter; i < own && i < tilesAhead; i += 4) {
#pragma unroll
      for (int m = 0; m < mTiles; m++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
          if (source[m][half]) prefetchL2(source[m][half] - 16 * quarter + int64_t{64} * (warp + i * streamWarps));
        }
      }
    }
  }
  awaitPrevious();

  const auto* x = product.x.row<const unsigned char>(0);
  const int64_t xStride = 2 * product.x.rowStride;
  const auto fetch = [&](unsigned char* stage) {
    const bool inside = nextTile * tileColumns + 8 * quarter < depth;
    const int64_t offset = int64_t{64} * nextTile;
#pragma unroll
    for (int m = 0; m < mTiles; m++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const bool present = inside && source[m][half];
        copyAsync(stage + m * Shape::weightBytes + half * 512, present ? source[m][half] + offset : x, present);
      }
    }
#pragma unroll
    for (int n = 0; n < nTiles; n++) {
      const bool present = inside && 8 * n + group < rows;
      copyAsync(stage + mTiles * Shape::weightBytes + n * Shape::inputBytes,
                present ? x + (8 * n + group) * xStride + offset + 16 * quarter : x, present);
    }
    nextTile += streamWarps;
    if (nextTile >= tiles) {
      nextTile = warp;
      nextLine += passLines;
      aim();
    }
  };

  int left = own * passes;
  unsigned char* filling = ring;
  const auto fill = [&] {
    if (left > 0) {
      fetch(filling);
      left--;
    }
    if (left <= tilesAhead) letNextStart();
    endCopies();
    filling += Shape::stageBytes;
    if (filling == ring + Shape::ringBytes) filling = ring;
  };
  // Once in the code: a kernel of some 10 µs waits for its instructions too.
#pragma unroll 1
  for (int stage = 0; stage < Shape::stages - 1; stage++) fill();

  const unsigned char* reading = ring;
  for (int pass = 0; pass < passes; pass++) {
    float sums[mTiles][nTiles][4] = {};
    for (int i = 0; i < own; i++) {
      copiesLeft<Shape::stages - 2>();
      // Into the stage that the turn before has read.
      fill();
      uint4 low[mTiles], high[mTiles];
#pragma unroll
      for (int m = 0; m < mTiles; m++) {
        low[m] = *reinterpret_cast<const uint4*>(reading + m * Shape::weightBytes);
        high[m] = *reinterpret_cast<const uint4*>(reading + m * Shape::weightBytes + 512);
      }
#pragma unroll
      for (int n = 0; n < nTiles; n++) {
        const uint4 in = *reinterpret_cast<const uint4*>(reading + mTiles * Shape::weightBytes + n * Shape::inputBytes);
#pragma unroll
        for (int m = 0; m < mTiles; m++) {
          matrixMultiply<T>(sums[m][n], {low[m].x, high[m].x, low[m].y, high[m].y}, {in.x, in.y});
          matrixMultiply<T>(sums[m][n], {low[m].z, high[m].z, low[m].w, high[m].w}, {in.z, in.w});
        }
      }
      reading += Shape::stageBytes;
      if (reading == ring + Shape::ringBytes) reading = ring;
    }

    // The warps' sums, in the order of the warps: lines r and r + 8 of a tile (the two halves of a gated line) by one thread.
#pragma unroll
    for (int m = 0; m < mTiles; m++) {
#pragma unroll
      for (int first = 0; first < nTiles; first += Shape::together) {
        constexpr int warpFloats = 128 * Shape::together;
#pragma unroll
        for (int n = 0; n < Shape::together; n++) {
          const float(&sum)[4] = sums[m][first + n];
          float* target = partial + warp * warpFloats + n * 128 + group * 8 + quarter * 2;
          *reinterpret_cast<float2*>(target) = {sum[0], sum[1]};
          *reinterpret_cast<float2*>(target + 64) = {sum[2], sum[3]};
        }
        __syncthreads();
        for (int item = threadIdx.x; item < 64 * Shape::together; item += 32 * streamWarps) {
          const int r = item % 8, n = item / 8, row = 8 * first + n;
          const int64_t line = from + int64_t{pass} * passLines + m * lineStep + r;
          if (row >= rows || line >= to) continue;
          const float* part = partial + n / 8 * 128 + r * 8 + n % 8;
          float low = 0, high = 0;
#pragma unroll
          for (int w = 0; w < streamWarps; w++) {
            low += part[w * warpFloats];
            high += part[w * warpFloats + 64];
          }
          finishPair(product, row, line, to, low, high);
        }
        __syncthreads();
      }
    }
  }
}

// The shape for this many rows and lines of a block. 16 rows of weights more in a pass mean fewer passes of x through the second-level cache.
template <typename Body>
static bool withPass(int64_t rows, bool wide, Body&& body) {
  if (rows <= 8) return body.template operator()<2, 1>();
  if (rows <= 16) return wide ? body.template operator()<4, 2>() : body.template operator()<2, 2>();
  if (rows <= 32) return wide ? body.template operator()<4, 4>() : body.template operator()<2, 4>();
  return wide ? body.template operator()<4, 8>() : body.template operator()<2, 8>();
}

static int64_t blocksFor(const Call& call, const Product& product) {
  const int64_t most = divideUp(product.lines(), product.gated ? 4 : 8);
  return most < call.machine.multiprocessors ? most : call.machine.multiprocessors;
}

static bool isWide(const Call& call, const Product& product) {
  return divideUp(product.lines(), blocksFor(call, product)) > (product.gated ? 16 : 32);
}

bool streams(const Call& call, const Product& product) {
  const Tensor& x = product.x;
  if (product.rows() > streamRows || !tiled(call, product)) return false;
  return withPass(x.rows(), isWide(call, product), [&]<int mTiles, int nTiles>() {
    return Pass<mTiles, nTiles>::sharedBytes <= call.machine.sharedBytes;
  });
}

bool multiplyStreaming(const Call& call, const Product& product) {
  const dim3 grid(static_cast<unsigned>(blocksFor(call, product))), block(32 * streamWarps);
  return withPass(product.rows(), isWide(call, product), [&]<int mTiles, int nTiles>() {
    const auto kernel = product.x.dtype == DType::bf16 ? streamKernel<BF16, mTiles, nTiles> : streamKernel<F16, mTiles, nTiles>;
    return call.launch(kernel, grid, block, Pass<mTiles, nTiles>::sharedBytes, product);
  });
}

}  // namespace whittle::cuda
