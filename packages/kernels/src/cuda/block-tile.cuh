// A tile of a product of many rows with block weights, for activations of 16 bits: how its operands come into shared memory, and its sums out of it. The product is taken
// transposed: the weights are the left operand, whose codes become 16-bit floats (exactly) in the registers that the tensor cores read; rows of x are the right one.
// Of a gated product a tile holds half as many lines of each half, eight and eight in turn.
#pragma once

#include "block-pairs.cuh"
#include "blocks.cuh"
#include "product.cuh"

namespace whittle::cuda {

// Where a piece of 16 bytes of a row of 128 lies: eight rows of a column of pieces meet all banks.
__device__ inline int swizzledPiece(int row, int piece) {
  return row * 128 + 16 * (piece ^ row % 8);
}

// How a thread block's shared memory is divided: slices of 64 columns of x, and stretches of 256 columns of the weights' blocks, two.
template <typename Block_, int lines_, int rows_, int slices_>
struct BlockTile {
  using Block = Block_;
  static constexpr int lines = lines_, rows = rows_, threads = 256;
  static constexpr int columns = 64, slices = slices_, sliceBytes = rows * 2 * columns;
  // A stretch is a whole number of pieces of 16 bytes. Its lines' banks differ by four.
  static constexpr int stretch = 4, lineBytes = stretch * 2 * static_cast<int>(sizeof(Block)), linePieces = lineBytes / 16;
  static constexpr int stretchBytes = lines * lineBytes;
  static_assert(lineBytes % 16 == 0 && stretch * columns == alignedElements && slices <= stretch);
  // Sums on their way out, row by row.
  static constexpr int sumStride = lines + 4, sumBytes = rows * sumStride * static_cast<int>(sizeof(float));
  static constexpr int operandBytes = slices * sliceBytes + 2 * stretchBytes;
  // x begins on a multiple of 1024.
  static constexpr int bytes = (operandBytes > sumBytes ? operandBytes : sumBytes) + 1024 - 128;

  // The first piece of a stretch that its slice `part`, and none before, needs.
  __device__ static constexpr int firstPiece(int part) { return (part * linePieces + stretch - 1) / stretch; }

  static dim3 grid(const Product& product) {
    return dim3(static_cast<unsigned>(divideUp(product.rows(), rows)), static_cast<unsigned>(divideUp(product.lines(), product.gated ? lines / 2 : lines)));
  }

  // How often a multiprocessor that takes one tile after another has its turn.
  static int64_t turns(const Call& call, const Product& product) {
    const dim3 tiles = grid(product);
    return divideUp(int64_t{tiles.x} * tiles.y, call.machine.multiprocessors);
  }

  // Whether the product is worth more than one `share`th of the sums that tiles have room for meanwhile.
  static bool fills(const Call& call, const Product& product, int share) {
    return share * product.rows() * product.lines() * (product.gated ? 2 : 1) > turns(call, product) * call.machine.multiprocessors * lines * rows;
  }
};

// What a thread holds of a block of 16 lines: the left operand's fragments for columns 0 to 15 and 16 to 31, and the scales of its two lines.
struct BlockFragments {
  uint32_t codes[2][4];
  float scale[2];
};

// What a thread knows of its block's tile.
template <typename Tile>
class TileWork {
 public:
  using Block = typename Tile::Block;

  __device__ TileWork(const Product& product, unsigned char* shared)
      : product_(product), inputs_(shared + (-reinterpret_cast<uintptr_t>(shared) & 1023)), weights_(inputs_ + Tile::slices * Tile::sliceBytes) {
    firstRow_ = static_cast<int>(blockIdx.x) * Tile::rows;
    firstLine_ = int64_t{blockIdx.y} * (product.gated ? Tile::lines / 2 : Tile::lines);
    // A thread copies a piece of every 32nd row of x, and a line's pieces by turns with others; beyond the last, of the last.
    input_ = product.x.row<const unsigned char>(0) + 16 * (threadIdx.x % 8);
    const int own = static_cast<int>(threadIdx.x) / copiers;
    int64_t line = firstLine_ + (product.gated ? own / 16 * 8 + own % 8 : own);
    if (line >= product.lines()) line = product.lines() - 1;
    const Line at = weightAt(product, line, own / 8 % 2);
    blocks_ = reinterpret_cast<const unsigned char*>(blockRow<Block>(product.weight[at.matrix], at.row));
  }

  __device__ int slices() const { return static_cast<int>(product_.depth() / Tile::columns); }

  // Begins the copies of a slice of both operands, a group of them; of none beyond the last.
  __device__ void fill(int slice) {
    if (slice < slices()) {
      const int copyRow = static_cast<int>(threadIdx.x) / 8, rows = static_cast<int>(product_.rows());
      unsigned char* const place = inputs_ + slice % Tile::slices * Tile::sliceBytes + swizzledPiece(copyRow, threadIdx.x % 8);
      const unsigned char* const source = input_ + 128 * slice;
#pragma unroll 4
      for (int i = 0; i < Tile::rows / rowsApart; i++) {
        const int row = firstRow_ + copyRow + rowsApart * i;
        copyAsync(place + rowsApart * 128 * i, source + 2 * (row < rows ? row : rows - 1) * product_.x.rowStride);
      }
      const int stretch = slice / Tile::stretch, part = slice % Tile::stretch;
      const int end = Tile::firstPiece(part + 1);
      unsigned char* const line = weights_ + stretch % 2 * Tile::stretchBytes + static_cast<int>(threadIdx.x) / copiers * Tile::lineBytes;
      for (int piece = Tile::firstPiece(part) + static_cast<int>(threadIdx.x) % copiers; piece < end; piece += copiers) {
        copyAsync(line + 16 * piece, blocks_ + int64_t{stretch} * Tile::lineBytes + 16 * piece);
      }
    }
    endCopies();
  }

  // Rows of 128 bytes.
  __device__ const unsigned char* input(int slice) const { return inputs_ + slice % Tile::slices * Tile::sliceBytes; }

  // Of the block `block` of a slice, 0 or 1, lines `line` to `line + 15`.
  template <typename T>
  __device__ void load(BlockFragments& fragments, int slice, int block, int line) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const unsigned char* const place = weights_ + slice / Tile::stretch % 2 * Tile::stretchBytes + (line + lane / 4) * Tile::lineBytes +
                                       (slice % Tile::stretch * 2 + block) * static_cast<int>(sizeof(Block));
#pragma unroll 4
    for (int i = 0; i < 2; i++) {
      const auto* const shorts = reinterpret_cast<const uint16_t*>(place + i * 8 * Tile::lineBytes);
      fragments.scale[i] = halfToFloat(shorts[0]);
      const uint16_t* const own = shorts + 1 + lane % 4;
      // Two codes, a byte apart.
      const auto spread = [&](int eight) { return __byte_perm(own[4 * eight], 0, 0x4140); };
#pragma unroll 4
      for (int j = 0; j < 2; j++) {
        if constexpr (sizeof(Block) == sizeof(Q8Block)) {
          fragments.codes[0][2 * j + i] = Codes<T>::pairOfQ8(spread(j));
          fragments.codes[1][2 * j + i] = Codes<T>::pairOfQ8(spread(2 + j));
        } else {
          const uint32_t bytes = spread(j);
          fragments.codes[0][2 * j + i] = Codes<T>::pairOfQ4(bytes);
          fragments.codes[1][2 * j + i] = Codes<T>::pairOfQ4(bytes >> 4);
        }
      }
    }
  }

  // Sums leave through shared memory, so that threads next to each other write lines next to each other: once all have what they need of the operands, `put` for
  // each, a barrier, and `finish`.
  __device__ void put(int row, int line, float sum) { sums()[row * Tile::sumStride + line] = sum; }

  __device__ void finish() {
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int64_t left = product_.rows() - firstRow_;
    const int rows = left < Tile::rows ? static_cast<int>(left) : Tile::rows;
    for (int offset = lane; offset < (product_.gated ? Tile::lines / 2 : Tile::lines); offset += 32) {
      const int64_t line = firstLine_ + offset;
      if (line >= product_.lines()) return;
      if (product_.gated) {
        const float* const pair = sums() + offset / 8 * 16 + offset % 8;
        for (int row = warp; row < rows; row += Tile::threads / 32) {
          finishGated(product_, firstRow_ + row, line, pair[row * Tile::sumStride], pair[row * Tile::sumStride + 8]);
        }
      } else {
        const Line to = lineAt(product_, line);
        const Tensor& y = product_.y[to.matrix];
        // Where there is none: x + −0 is x.
        const float bias = withBias(product_.bias[to.matrix], to.row, -0.0f);
        for (int row = warp; row < rows; row += Tile::threads / 32) storeRounded(y, firstRow_ + row, to.row, sums()[row * Tile::sumStride + offset] + bias);
      }
    }
  }

 private:
  // Threads that copy a line.
  static constexpr int copiers = Tile::threads / Tile::lines;
  static constexpr int rowsApart = Tile::threads / 8;

  __device__ float* sums() { return reinterpret_cast<float*>(inputs_); }

  const Product& product_;
  unsigned char* const inputs_;
  unsigned char* const weights_;
  int firstRow_;
  int64_t firstLine_;
  const unsigned char* input_;
  const unsigned char* blocks_;
};

}  // namespace whittle::cuda
