// Up to 8 rows of x past weights, on machines that have a bulk copy engine (compute capability 9.0): as stream.cu does it, but memory is read in long stretches of a
// row, which it gives faster than scattered ones, and whole warps share what they have copied.
//
// A block takes an equal share of the lines, 16 rows of weights in a pass, and its warps take turns along the depth, 512 columns (a piece) each. A piece comes into
// the warp's own ring in shared memory, with as much of x; every row of it is a copy of its own, asked for by a lane of its own. The engine begins a copy every 24
// cycles or so: copies of half the length would be its limit. The order of a row's sum is the same for any number of rows.
#include "bulk-copy.cuh"
#include "matrix-unit.cuh"
#include "product.cuh"

namespace whittle::cuda {

namespace {

constexpr int bulkWarps = 2;
constexpr int passRows = 16;
constexpr int inputRows = 8;
constexpr int columns = 512;
constexpr int step = bulkWarps * columns;
constexpr int fewestStages = 3, mostStages = 6;
// Between a row of a piece and the next in shared memory: 8 rows at the same column lie in different banks.
constexpr int rowBytes = 2 * columns + 16;
// Of each row in a block's first pass, as much as a warp asks the second-level cache for while the kernel before still runs.
constexpr int columnsAhead = 2048;
// Sums of a warp, of two passes: the one before may still be read.
constexpr int warpSums = passRows * inputRows;
constexpr int sumBytes = 2 * bulkWarps * warpSums * static_cast<int>(sizeof(float));
constexpr int barrierBytes = bulkWarps * mostStages * static_cast<int>(sizeof(CopyBarrier));

__host__ __device__ constexpr int stageBytesOf(int rows) {
  return (passRows + rows) * rowBytes;
}

// All that a block may have: with room for two, some multiprocessors get two blocks of one kernel and others wait for them (measured on an H100: a tenth slower).
int stagesFor(const Call& call, int rows) {
  const int stages = (call.machine.sharedBytes - sumBytes - barrierBytes) / (bulkWarps * stageBytesOf(rows));
  return stages < mostStages ? stages : mostStages;
}

// 32 columns of a piece, of which `columns` are left: those beyond hold anything.
template <typename T, bool whole>
__device__ void multiplyColumns(float (&sums)[2][4], const unsigned char* weights, const unsigned char* inputs, int columns) {
  uint32_t weight[2][4], input[4];
  loadMatrices(weight[0], weights);
  loadMatrices(weight[1], weights + 32);
  loadMatrices(input, inputs);
  if (!whole) {
#pragma unroll
    for (int part = 0; part < 4; part++) {
      if (8 * part < columns) continue;
      input[part] = 0;
      weight[part / 2][part % 2 * 2] = 0;
      weight[part / 2][part % 2 * 2 + 1] = 0;
    }
  }
  // One does not wait for the other.
  matrixMultiply<T>(sums[0], weight[0], {input[0], input[1]});
  matrixMultiply<T>(sums[1], weight[1], {input[2], input[3]});
}

// Without the 2 the compiler keeps to 64 registers, and a layer's products took 174 us on an H100 instead of 155.
template <typename T>
__global__ void __launch_bounds__(32 * bulkWarps, 2) bulkStreamKernel(const __grid_constant__ Product product, int stages) {
  WHITTLE_SHARED(shared);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int rows = static_cast<int>(product.rows()), depth = static_cast<int>(product.depth());
  const int stageBytes = stageBytesOf(rows), ringBytes = stages * stageBytes;
  unsigned char* const ring = shared + warp * ringBytes;
  float* const sumsOfWarps = reinterpret_cast<float*>(shared + bulkWarps * ringBytes);
  CopyBarrier* const barriers = reinterpret_cast<CopyBarrier*>(shared + bulkWarps * ringBytes + sumBytes) + warp * mostStages;

  const bool gated = product.gated;
  const int passLines = gated ? passRows / 2 : passRows;
  const int64_t lines = product.lines();
  const int64_t from = lines * blockIdx.x / gridDim.x, to = lines * (blockIdx.x + 1) / gridDim.x;
  const int passes = static_cast<int>((to - from + passLines - 1) / passLines);
  const int pieces = ((depth + columns - 1) / columns - warp + bulkWarps - 1) / bulkWarps;

  // What this lane copies next: a row of weights or of x (null: none) from a column on.
  const bool ofWeights = lane < passRows;
  int64_t nextLine = from;
  int nextColumn = warp * columns, rowsPresent = 0;
  const unsigned char* source = nullptr;
  const auto aim = [&] {
    const int present = to - nextLine < passLines ? static_cast<int>(to - nextLine) : passLines;
    rowsPresent = (gated ? 2 : 1) * present + rows;
    if (!ofWeights) return;
    const int line = lane % passLines;
    source = line < present ? static_cast<const unsigned char*>(static_cast<const void*>(weightRowOf<T>(product, nextLine + line, lane / passLines))) : nullptr;
  };
  aim();
  if (ofWeights && source && warp * columnsAhead < depth) {
    const int ahead = depth - warp * columnsAhead < columnsAhead ? depth - warp * columnsAhead : columnsAhead;
    prefetchBulk(source + int64_t{2} * warp * columnsAhead, 2 * ahead);
  }
  if (lane == 0) {
    for (int stage = 0; stage < stages; stage++) beginBarrier(barriers + stage);
    seeBarriers();
  }
  __syncwarp();
  awaitPrevious();

  if (!ofWeights && lane < passRows + rows) source = product.x.row<const unsigned char>(0) + 2 * product.x.rowStride * (lane - passRows);
  const uint64_t policy = readOnce();
  int left = pieces * passes, filling = 0;
  const auto fill = [&] {
    if (left > 0) {
      const int bytes = 2 * (depth - nextColumn < columns ? depth - nextColumn : columns);
      if (lane == 0) expectCopies(barriers + filling, rowsPresent * bytes);
      __syncwarp();
      if (source) copyBulk(ring + filling * stageBytes + lane * rowBytes, source + int64_t{2} * nextColumn, bytes, barriers + filling, policy);
      nextColumn += step;
      if (nextColumn >= depth) {
        nextColumn = warp * columns;
        nextLine += passLines;
        aim();
      }
      filling = filling + 1 < stages ? filling + 1 : 0;
      left--;
    }
    // What this kernel still waits for keeps memory at work until the next one asks for its own.
    if (left == 0) letNextStart();
  };
#pragma unroll 1
  for (int stage = 0; stage < stages; stage++) fill();
  __syncwarp();

  // Rows of x that are not there count for nothing: any will do in their place.
  const unsigned char* const weights = ring + lane % 16 * rowBytes + lane / 16 * 16;
  const unsigned char* const inputs = ring + (passRows + (lane % 8 < rows ? lane % 8 : 0)) * rowBytes + lane / 8 * 16;
  int reading = 0;
  uint32_t parity = 0;
  for (int pass = 0; pass < passes; pass++) {
    float sums[2][4] = {};
    for (int column = warp * columns; column < depth; column += step) {
      awaitCopies(barriers + reading, parity);
      const int offset = reading * stageBytes;
      if (depth - column >= columns) {
#pragma unroll 8
        for (int at = 0; at < columns; at += 32) multiplyColumns<T, true>(sums, weights + offset + 2 * at, inputs + offset + 2 * at, 32);
      } else {
#pragma unroll 1
        for (int at = 0; at < depth - column; at += 32) multiplyColumns<T, false>(sums, weights + offset + 2 * at, inputs + offset + 2 * at, depth - column - at);
      }
      if (++reading == stages) {
        reading = 0;
        parity ^= 1;
      }
      // All lanes have read the stage that is filled next.
      __syncwarp();
      fill();
    }

    // The warps' sums, in the order of the warps: lines r and r + 8 of a pass (the two halves of a gated line) by one thread.
    float* const passSums = sumsOfWarps + pass % 2 * bulkWarps * warpSums;
    float* const own = passSums + warp * warpSums + 2 * lane;
    *reinterpret_cast<float2*>(own) = {sums[0][0] + sums[1][0], sums[0][1] + sums[1][1]};
    *reinterpret_cast<float2*>(own + 64) = {sums[0][2] + sums[1][2], sums[0][3] + sums[1][3]};
    __syncthreads();
    static_assert(32 * bulkWarps == 8 * inputRows);
    const int row = threadIdx.x / 8, r = threadIdx.x % 8;
    const int64_t line = from + int64_t{pass} * passLines + r;
    if (row >= rows || line >= to) continue;
    const float* const part = passSums + 8 * r + row;
    float low = 0, high = 0;
#pragma unroll
    for (int w = 0; w < bulkWarps; w++) {
      low += part[w * warpSums];
      high += part[w * warpSums + 64];
    }
    if (gated) {
      finishGated(product, row, line, low, high);
    } else {
      finishLine(product, row, line, low);
      if (line + 8 < to) finishLine(product, row, line + 8, high);
    }
  }
}

}  // namespace

bool streamsInBulk(const Call& call, const Product& product) {
  if (call.machine.capability < 90 || product.rows() > inputRows || product.depth() == 0 || !tiled(call, product)) return false;
  return stagesFor(call, static_cast<int>(product.rows())) >= fewestStages;
}

bool multiplyStreamingInBulk(const Call& call, const Product& product) {
  const int rows = static_cast<int>(product.rows()), stages = stagesFor(call, rows);
  const int64_t most = divideUp(product.lines(), product.gated ? 4 : 8);
  const dim3 grid(static_cast<unsigned>(most < call.machine.multiprocessors ? most : call.machine.multiprocessors));
  const size_t sharedBytes = static_cast<size_t>(bulkWarps * stages * stageBytesOf(rows) + sumBytes + barrierBytes);
  const auto kernel = product.x.dtype == DType::bf16 ? bulkStreamKernel<BF16> : bulkStreamKernel<F16>;
  return call.launch(kernel, grid, dim3(32 * bulkWarps), sharedBytes, product, stages);
}

}  // namespace whittle::cuda
