// A warp's stream of blocks: chunks of 16 rows of weights on their way from memory into a ring in shared memory.
#pragma once

#include "block-pairs.cuh"

namespace whittle::cuda {

// Rows of weights of a pass; of a gated product 8 of each half.
constexpr int passLines = 16;
constexpr int chunkBlocks = 8;
constexpr int chunkElements = chunkBlocks * blockElements;
static_assert(chunkElements == alignedElements);

// Thread blocks of a multiprocessor, as many as find room there. Were there room for one of the next kernel too, some multiprocessors would get more of its blocks
// than others, which would wait for those; so it is where a block has ended that one of the next kernel is set up.
constexpr int threadBlocks = 2;

// Blocks of threads for a product's lines: those there is room for, unless that left less than 8 rows of weights to each.
inline dim3 sharesOf(const Call& call, const Product& product) {
  const int64_t most = divideUp(product.lines(), product.gated ? 4 : 8), shares = call.machine.multiprocessors * threadBlocks;
  return dim3(static_cast<unsigned>(most < shares ? most : shares));
}

// The share of a product's lines that a block of threads takes, 16 rows of weights in a pass.
struct Share {
  __device__ explicit Share(const Product& product)
      : from(static_cast<int>(product.lines() * blockIdx.x / gridDim.x)),
        to(static_cast<int>(product.lines() * (blockIdx.x + 1) / gridDim.x)),
        step(product.gated ? passLines / 2 : passLines),
        passes((to - from + step - 1) / step) {}

  const int from, to;
  // Lines of a pass.
  const int step;
  const int passes;
};

// The warps of a block take turns along the depth, in chunks of eight blocks (256 elements), which are a multiple of 16 bytes. Each copies its chunks several ahead,
// across the borders of passes, so that the stream from memory never stops.
template <typename Block, int stages_>
class BlockRing {
 public:
  static constexpr int stages = stages_;
  // Of a chunk of a row and of all of them.
  static constexpr int rowBytes = chunkBlocks * static_cast<int>(sizeof(Block));
  static constexpr int stageBytes = passLines * rowBytes;
  static constexpr int bytes = stages * stageBytes;

  __device__ BlockRing(const Product& product, const Share& share, unsigned char* ring, int warp, int warps)
      : product_(product), share_(share), ring_(ring), warps_(warps), chunks_(static_cast<int>(product.depth()) / chunkElements), line_(share.from), chunk_(warp) {
    left_ = (share.passes * chunks_ - warp + warps - 1) / warps;
    aim();
  }

  // Asks for as many chunks as there is room for.
  __device__ void begin() {
#pragma unroll 1
    for (int stage = 0; stage < stages - 1; stage++) fill();
  }

  // The chunk that comes next, its rows one after another; it stays until the next call.
  __device__ const unsigned char* next() {
    copiesLeft<stages - 2>();
    __syncwarp();
    // Into the stage that the turn before has read.
    fill();
    const unsigned char* const chunk = ring_ + reading_;
    reading_ = stageAfter(reading_);
    return chunk;
  }

 private:
  // All of a row's 16-byte pieces but the last are copied by as many lanes, those of several rows at once; the last ones come together.
  static constexpr int rowLanes = rowBytes / 16 - 1;
  static constexpr int rowsAtOnce = 32 / rowLanes;
  static constexpr int copies = passLines / rowsAtOnce;
  static_assert(rowLanes * rowsAtOnce == 32);

  __device__ static int stageAfter(int place) { return place == bytes - stageBytes ? 0 : place + stageBytes; }

  // Finds the rows of the pass that the next chunk belongs to. Beyond the last line it is read again: that needs no care and costs no memory.
  __device__ void aim() {
    if (left_ == 0) return;
    const int before = line_;
    while (chunk_ >= chunks_) {
      chunk_ -= chunks_;
      line_ += share_.step;
    }
    if (line_ + share_.step <= sameUntil_) {
      const int64_t on = (line_ - before) * linePitch_;
#pragma unroll
      for (uintptr_t& source : source_) source += on;
      lastSource_ += on;
      return;
    }
    const int lane = threadIdx.x % 32, row = lane % passLines, line = line_ + row % share_.step;
    const Line at = weightAt(product_, line < share_.to ? line : share_.to - 1, row / share_.step);
    const auto own = reinterpret_cast<uintptr_t>(blockRow<Block>(product_.weight[at.matrix], at.row));
#pragma unroll
    for (int i = 0; i < copies; i++) source_[i] = __shfl_sync(~0u, own, i * rowsAtOnce + lane / rowLanes) + lane % rowLanes * 16;
    lastSource_ = own + rowLanes * 16;
    // As long as the rows that follow are of the same matrix, or of the two of a gated product, they lie as far on as lines do.
    const Line first = weightAt(product_, line_, 0);
    const Tensor& matrix = product_.weight[first.matrix];
    const bool even = !product_.gated || product_.weight[1].rowStride == matrix.rowStride;
    const int64_t end = line_ - first.row + matrix.dims[0];
    sameUntil_ = !even ? 0 : static_cast<int>(end < share_.to ? end : share_.to);
    linePitch_ = matrix.rowStride / blockElements * static_cast<int>(sizeof(Block));
  }

  __device__ void fill() {
    if (left_ > 0) {
      const int lane = threadIdx.x % 32;
      const int64_t offset = int64_t{chunk_} * rowBytes;
      unsigned char* const target = ring_ + filling_ + lane / rowLanes * rowBytes + lane % rowLanes * 16;
#pragma unroll
      for (int i = 0; i < copies; i++) copyAsync(target + i * rowsAtOnce * rowBytes, reinterpret_cast<const void*>(source_[i] + offset));
      if (lane < passLines) copyAsync(ring_ + filling_ + lane * rowBytes + rowLanes * 16, reinterpret_cast<const void*>(lastSource_ + offset));
      chunk_ += warps_;
      left_--;
      if (chunk_ >= chunks_) aim();
    }
    endCopies();
    filling_ = stageAfter(filling_);
  }

  const Product& product_;
  const Share& share_;
  unsigned char* const ring_;
  const int warps_, chunks_;
  // What comes next from memory, and the places in its rows that this lane copies from.
  int line_, chunk_, left_;
  uintptr_t source_[copies], lastSource_;
  int sameUntil_ = 0;
  int64_t linePitch_ = 0;
  int filling_ = 0, reading_ = 0;
};

}  // namespace whittle::cuda
