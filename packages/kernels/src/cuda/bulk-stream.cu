// Up to 8 rows of x past weights, on machines that have a bulk copy engine (compute capability 9.0): memory is read in long stretches of a row, which it gives faster
// than scattered ones, and the stream begins before the kernels before this one have ended, where the weights are settled.
//
// A block takes an equal share of the lines, 16 rows of weights in a pass; all blocks together sweep through the weights. One of a block's warps asks for pieces of the
// rows, and of x, as long as there is room for them in a ring in shared memory; every row of a piece is a copy of its own, asked for by a lane of its own. The engine begins a copy every 24 cycles or so (H100), so they
// are long. The other warps share each piece: the rows of the weights are the first operand of the tensor cores and those of x the second. The order of a row's sum
// is the same for any number of rows.
#include "bulk-copy.cuh"
#include "matrix-unit.cuh"
#include "product.cuh"

namespace whittle::cuda {

namespace {

// The lines of a block, pass by pass: in a pass the blocks' lines lie side by side, as memory likes it better than a stretch for each block (H100, 7B layer: 152.1 -> 150.5 us);
// the last pass shares out what is left.
struct Passes {
  int lines, passLines, rounds, rest;

  __device__ Passes(int64_t all, int perPass) : lines(static_cast<int>(all)), passLines(perPass) {
    const int stretch = passLines * gridDim.x;
    rounds = lines / stretch;
    rest = lines - rounds * stretch;
  }
  // Where the lines of a block begin, and those of the one before end.
  __device__ int edge(int pass, int block) const {
    const int grid = gridDim.x;
    return pass < rounds ? (pass * grid + block) * passLines : rounds * grid * passLines + static_cast<int>(int64_t{rest} * block / grid);
  }
  __device__ int from(int pass) const { return edge(pass, blockIdx.x); }
  __device__ int to(int pass) const { return edge(pass, blockIdx.x + 1); }
  __device__ int count() const { return rounds + (to(rounds) > from(rounds)); }
};

// Warps that share a piece.
constexpr int workers = 8;
constexpr int passRows = 16;
constexpr int inputRows = 8;
constexpr int pieceColumns = 1024;
// Between a row of a piece and the next in shared memory: 8 rows at the same column lie in different banks.
constexpr int pitch = 2 * pieceColumns + 16;
constexpr int fewestStages = 2, mostStages = 16;
// Sums of a warp, of two passes: the one before may still be read.
constexpr int warpSums = passRows * inputRows;
constexpr int sumBytes = 2 * workers * warpSums * static_cast<int>(sizeof(float));
constexpr int barrierBytes = mostStages * static_cast<int>(sizeof(CopyBarrier));

__host__ __device__ constexpr int stageBytesOf(int rows) {
  return (passRows + rows) * pitch;
}

// All that a block may have: with room for two, some multiprocessors get two blocks of one kernel and others wait for them (measured on an H100: a tenth slower).
int stagesFor(const Call& call, const Product& product) {
  const int stages = (call.machine.sharedBytes - sumBytes - barrierBytes) / stageBytesOf(static_cast<int>(product.rows()));
  return stages < mostStages ? stages : mostStages;
}

// The warp that asks for pieces, pass after pass: a lane for every row of the weights, and after them one for every row of x.
template <typename T>
class Copier {
 public:
  __device__ Copier(const Product& product, unsigned char* ring, CopyBarrier* barriers, int stages, const Passes& passes, int count)
      : product_(product), ring_(ring), barriers_(barriers), stages_(stages), passes_(passes), left_(count), policy_(readOnce()) {
    aim();
  }

  __device__ static bool ofWeights() { return threadIdx.x % 32 < passRows; }

  // Asks for the next piece; lanes do not wait for one another.
  __device__ void fill() {
    if (left_ == 0) return;
    const int lane = threadIdx.x % 32, rows = static_cast<int>(product_.rows()), depth = static_cast<int>(product_.depth());
    const int columns = depth - column_ < pieceColumns ? depth - column_ : pieceColumns;
    CopyBarrier* const barrier = barriers_ + stage_;
    if (lane == 0) expectCopies(barrier, (present_ + rows) * 2 * columns);
    if (source_) copyBulk(ring_ + stage_ * stageBytesOf(rows) + lane * pitch, source_ + 2 * column_, 2 * columns, barrier, policy_);
    column_ += pieceColumns;
    if (column_ >= depth) {
      column_ = 0;
      pass_++;
      aim();
    }
    stage_ = stage_ + 1 < stages_ ? stage_ + 1 : 0;
    // What this kernel still waits for keeps memory at work until the next one asks for its own.
    if (--left_ == 0) letNextStart();
  }

 private:
  // This lane's row in the pass at hand (null: there is none), and how many rows of weights there are.
  __device__ void aim() {
    const int lane = threadIdx.x % 32, halves = product_.gated ? 2 : 1, lines = passRows / halves;
    const int line = passes_.from(pass_), count = left_ > 0 ? passes_.to(pass_) - line : 0;
    present_ = halves * count;
    const void* row = nullptr;
    if (!ofWeights()) {
      if (lane < passRows + product_.rows()) row = product_.x.template row<const T>(lane - passRows);
    } else if (lane % lines < count) {
      row = weightRowOf<T>(product_, line + lane % lines, lane / lines);
    }
    source_ = static_cast<const unsigned char*>(row);
  }

  const Product& product_;
  unsigned char* const ring_;
  CopyBarrier* const barriers_;
  const int stages_;
  const Passes& passes_;
  int pass_ = 0;
  int left_, column_ = 0, stage_ = 0, present_;
  const unsigned char* source_;
  const uint64_t policy_;
};

// 32 columns of a piece, of which `left` are there: those beyond hold anything.
template <typename T, bool whole>
__device__ void multiplyColumns(float (&sums)[2][4], const unsigned char* weights, const unsigned char* inputs, int left) {
  uint32_t weight[2][4], input[4];
  loadMatrices(weight[0], weights);
  loadMatrices(weight[1], weights + 32);
  loadMatrices(input, inputs);
  if (!whole) {
#pragma unroll
    for (int part = 0; part < 4; part++) {
      if (8 * part < left) continue;
      input[part] = 0;
      weight[part / 2][part % 2 * 2] = 0;
      weight[part / 2][part % 2 * 2 + 1] = 0;
    }
  }
  // One does not wait for the other.
  matrixMultiply<T>(sums[0], weight[0], {input[0], input[1]});
  matrixMultiply<T>(sums[1], weight[1], {input[2], input[3]});
}

// Adds the products of 32-column groups [from, to) of a piece of which `present` columns are there: those beyond hold anything.
template <typename T>
__device__ void multiplyPiece(float (&sums)[2][4], const unsigned char* piece, int rows, int from, int to, int present) {
  const int lane = threadIdx.x % 32;
  const unsigned char* const weights = piece + lane % 16 * pitch + lane / 16 * 16;
  // Rows of x that are not there count for nothing: any will do in their place.
  const unsigned char* const inputs = piece + (passRows + (lane % 8 < rows ? lane % 8 : 0)) * pitch + lane / 8 * 16;
  if (32 * to <= present) {
#pragma unroll 4
    for (int group = from; group < to; group++) multiplyColumns<T, true>(sums, weights + 64 * group, inputs + 64 * group, 32);
  } else {
#pragma unroll 1
    for (int group = from; group < to; group++) multiplyColumns<T, false>(sums, weights + 64 * group, inputs + 64 * group, present - 32 * group);
  }
}

template <typename T>
__global__ void __launch_bounds__(32 * (workers + 1), 1) bulkStreamKernel(const __grid_constant__ Product product, int stages) {
  WHITTLE_SHARED(shared);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int rows = static_cast<int>(product.rows()), depth = static_cast<int>(product.depth()), stageBytes = stageBytesOf(rows);
  unsigned char* const ring = shared;
  float* const sumsOfWarps = reinterpret_cast<float*>(shared + stages * stageBytes);
  CopyBarrier* const barriers = reinterpret_cast<CopyBarrier*>(shared + stages * stageBytes + sumBytes);

  const bool gated = product.gated;
  const int passLines = gated ? passRows / 2 : passRows;
  const Passes plan(product.lines(), passLines);
  const int pieces = (depth + pieceColumns - 1) / pieceColumns, passes = plan.count();

  if (warp == workers) {
    if (lane == 0) {
      for (int stage = 0; stage < stages; stage++) beginBarrier(barriers + stage);
      seeBarriers();
    }
    __syncwarp();
    Copier<T> copier(product, ring, barriers, stages, plan, passes * pieces);
    const bool early = product.weightsSettled && Copier<T>::ofWeights();
    if (early) {
#pragma unroll 1
      for (int stage = 0; stage < stages; stage++) copier.fill();
    }
    awaitPrevious();
    if (!early) {
#pragma unroll 1
      for (int stage = 0; stage < stages; stage++) copier.fill();
    }
    __syncthreads();
#pragma unroll 1
    for (int piece = 0; piece < passes * pieces; piece++) {
      __syncthreads();
      copier.fill();
    }
    return;
  }

  awaitPrevious();
  __syncthreads();
  int reading = 0;
  uint32_t parity = 0;
#pragma unroll 1
  for (int pass = 0; pass < passes; pass++) {
    float sums[2][4] = {};
    float* const passSums = sumsOfWarps + pass % 2 * workers * warpSums;
#pragma unroll 1
    for (int piece = 0; piece < pieces; piece++) {
      const int columns = depth - piece * pieceColumns < pieceColumns ? depth - piece * pieceColumns : pieceColumns;
      const int groups = (columns + 31) / 32;
      const unsigned char* const stage = ring + reading * stageBytes;
      awaitCopies(barriers + reading, parity);
      multiplyPiece<T>(sums, stage, rows, warp * groups / workers, (warp + 1) * groups / workers, columns);
      if (++reading == stages) {
        reading = 0;
        parity ^= 1;
      }
      if (piece + 1 == pieces) {
        float* const own = passSums + warp * warpSums + 2 * lane;
        *reinterpret_cast<float2*>(own) = {sums[0][0] + sums[1][0], sums[0][1] + sums[1][1]};
        *reinterpret_cast<float2*>(own + 64) = {sums[0][2] + sums[1][2], sums[0][3] + sums[1][3]};
      }
      // The piece has been read.
      __syncthreads();
    }

    // The warps' sums, in the order of the warps: lines r and r + 8 of a pass (the two halves of a gated line) by one thread.
    const int row = threadIdx.x / 8, r = threadIdx.x % 8;
    const int64_t line = plan.from(pass) + r, to = plan.to(pass);
    if (row >= rows || line >= to) continue;
    const float* const part = passSums + 8 * r + row;
    float low = 0, high = 0;
#pragma unroll
    for (int w = 0; w < workers; w++) {
      low += part[w * warpSums];
      high += part[w * warpSums + 64];
    }
    finishPair(product, row, line, to, low, high);
  }
}

}  // namespace

bool streamsInBulk(const Call& call, const Product& product) {
  if (call.machine.capability < 90 || product.rows() > inputRows || product.depth() == 0 || !tiled(call, product)) return false;
  return stagesFor(call, product) >= fewestStages;
}

bool multiplyStreamingInBulk(const Call& call, const Product& product) {
  const int64_t most = divideUp(product.lines(), product.gated ? 4 : 8);
  const dim3 grid(static_cast<unsigned>(most < call.machine.multiprocessors ? most : call.machine.multiprocessors));
  const int stages = stagesFor(call, product);
  const size_t sharedBytes = static_cast<size_t>(stages * stageBytesOf(static_cast<int>(product.rows())) + sumBytes + barrierBytes);
  const auto kernel = product.x.dtype == DType::bf16 ? bulkStreamKernel<BF16> : bulkStreamKernel<F16>;
  return call.launch(kernel, grid, dim3(32 * (workers + 1)), sharedBytes, product, stages);
}

}  // namespace whittle::cuda
