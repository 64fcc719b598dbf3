// y = x · weightᵀ + bias. Two ways through the same dot products: few rows (decoding) stream the weight once, as stored, past all of them;
// many rows (a prompt) are cut into a grid whose weight panels are widened to f32 once for a block of rows.
#include "dot-tile.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Multiply-adds below which a second thread costs more than it saves (about 5 µs of one core).
constexpr int64_t kWorthAThread = 128 * 1024;

template <int R, int O, typename Format>
static void streamWeight(const Call& call, Rows<F32> x, Rows<Format> w, const float* bias, int64_t depth, int64_t outs, float* y,
                         int64_t yStride) {
  const int64_t grain = roundUp(kWorthAThread / (R * (depth + 1)) + 1, 8);
  call.workers.parallelFor(outs, grain, [&](int64_t from, int64_t to) { dotRows<R, O>(x, w, bias, depth, from, to, y, yStride); });
}

template <typename Format>
static void fewRows(const Call& call, int64_t rows, Rows<F32> x, Rows<Format> w, const float* bias, int64_t depth, int64_t outs, float* y,
                    int64_t yStride) {
  switch (rows) {
    case 1:
      return streamWeight<1, 8>(call, x, w, bias, depth, outs, y, yStride);
    case 2:
      return streamWeight<2, 4>(call, x, w, bias, depth, outs, y, yStride);
    case 3:
      return streamWeight<3, 4>(call, x, w, bias, depth, outs, y, yStride);
    case 4:
      return streamWeight<4, 2>(call, x, w, bias, depth, outs, y, yStride);
    case 5:
      return streamWeight<5, 2>(call, x, w, bias, depth, outs, y, yStride);
    case 6:
      return streamWeight<6, 2>(call, x, w, bias, depth, outs, y, yStride);
    case 7:
      return streamWeight<7, 1>(call, x, w, bias, depth, outs, y, yStride);
    case 8:
      return streamWeight<8, 1>(call, x, w, bias, depth, outs, y, yStride);
  }
}

template <typename Format>
static void manyRows(const Call& call, int64_t rows, Rows<F32> x, Rows<Format> w, const float* bias, int64_t depth, int64_t outs, float* y,
                     int64_t yStride) {
  // A block of rows fills a quarter of a 1 MiB second-level cache; a panel of outputs is small enough for the first level to keep its
  // tiles.
  const int64_t fit = 256 * 1024 / (4 * (depth + 1));
  const int64_t rowBlock = roundUp(fit < 24 ? 24 : fit > 192 ? 192 : fit, 3);
  constexpr int64_t panel = 32;
  const int64_t rowBlocks = (rows + rowBlock - 1) / rowBlock;
  const int64_t panels = (outs + panel - 1) / panel;
  call.workers.parallelFor(rowBlocks * panels, 1, [&](int64_t from, int64_t to) {
    static thread_local Scratch<float> scratch;
    for (int64_t item = from; item < to; item++) {
      const int64_t firstRow = item / panels * rowBlock;
      const int64_t firstOut = item % panels * panel;
      const int64_t rowCount = rows - firstRow < rowBlock ? rows - firstRow : rowBlock;
      const int64_t outCount = outs - firstOut < panel ? outs - firstOut : panel;
      Rows<F32> wide;
      if constexpr (Format::dtype == DType::f32) {
        wide = {w[firstOut], w.stride};
      } else {
        const int64_t stride = roundUp(depth, kLanes);
        float* copy = scratch.get(panel * stride);
        for (int64_t o = 0; o < outCount; o++) decodeRow<Format>(w[firstOut + o], copy + o * stride, depth);
        wide = {copy, stride};
      }
      dotMatrix({x[firstRow], x.stride}, rowCount, wide, bias ? bias + firstOut : nullptr, depth, outCount,
                y + firstRow * yStride + firstOut, yStride);
    }
  });
}

static bool linear(const Call& call) {
  const Tensor &x = call[0], &weight = call[1], &bias = call[2], &y = call[3];
  const int64_t rows = x.rows(), depth = x.columns(), outs = weight.rows();
  if (rows == 0 || outs == 0) return true;
  static thread_local Scratch<float> biasScratch;
  const float* biasRow = denseFloats(bias, biasScratch);
  withFormat(weight.dtype, [&](auto format) {
    using Format = decltype(format);
    const Rows<F32> xRows{x.row<const float>(0), x.rowStride};
    const Rows<Format> wRows{weight.row<const typename Format::Stored>(0), weight.rowStride};
    const auto run = rows <= 8 ? fewRows<Format> : manyRows<Format>;
    run(call, rows, xRows, wRows, biasRow, depth, outs, y.row<float>(0), y.rowStride);
  });
  return true;
}

WHITTLE_KERNEL("linear", linear);

}  // namespace WHITTLE_KERNEL_NAMESPACE
