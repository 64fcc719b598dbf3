// y = x · weightᵀ + bias with weights in blocks and x rounded to 8 bits: integer dot products. Four rows of the weight come from memory for
// the first rows of x and from the first-level cache for the others, so up to a block of rows the weight is streamed once.
#include <type_traits>

#include "code-tile.h"
#include "elementwise.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// As in product.h, for codes: a multiply-add of one row costs about a quarter, as does bringing an element from memory.
constexpr int64_t kCodesWorthAThread = 1024 * 1024;
constexpr int64_t kCodesFetchCost = 7;
// Rows whose codes stay in the second-level cache.
constexpr int64_t kCodedRows = 128;

template <int O, typename Format>
static void outputs(int64_t rows, CodedRows x, Rows<Format> w, const float* bias, int64_t ahead, float* y, int64_t yStride) {
  int64_t r = 0;
  const auto take = [&](auto count) {
    constexpr int R = count();
    float tile[R * O];
    codeTile<R, O>(x.from(r), w, ahead, tile);
    for (int i = 0; i < R * O; i++) y[(r + i / O) * yStride + i % O] = bias ? tile[i] + bias[i % O] : tile[i];
    r += R;
    ahead = 0;
  };
  while (rows - r >= 2) take(std::integral_constant<int, 2>{});
  if (rows - r == 1) take(std::integral_constant<int, 1>{});
}

template <typename Format>
static void multiplyCodes(const Call& call, CodedRows x, int64_t rows, Rows<Format> w, const float* bias, const Tensor& y) {
  const int64_t outs = y.columns();
  const int64_t grain =
      roundUp(kCodesWorthAThread / (((rows < kCodedRows ? rows : kCodedRows) + kCodesFetchCost) * (x.blocks * blockElements + 1)) + 1, 4);
  for (int64_t first = 0; first < rows; first += kCodedRows) {
    const int64_t count = rows - first < kCodedRows ? rows - first : kCodedRows;
    call.workers.parallelFor(outs, grain, [&](int64_t from, int64_t to) {
      int64_t out = from;
      for (; out + 4 <= to; out += 4) {
        outputs<4>(count, x.from(first), Rows<Format>{w[out], w.stride}, bias ? bias + out : nullptr, 4 * w.stride,
                   y.row<float>(first) + out, y.rowStride);
      }
      for (; out < to; out++) {
        outputs<1>(count, x.from(first), Rows<Format>{w[out], w.stride}, bias ? bias + out : nullptr, 0, y.row<float>(first) + out,
                   y.rowStride);
      }
    });
  }
}

static bool linearQ8(const Call& call) {
  const Tensor &x = call[0], &weight = call[1], &bias = call[2], &y = call[3];
  const int64_t rows = x.rows(), blocks = x.columns() / blockElements;
  if (rows == 0 || y.columns() == 0) return true;
  if (blockElementsOf(weight.dtype) != blockElements) return call.fail("weights in blocks of 256 elements have no kernel yet");
  static thread_local Scratch<float> biasScratch, scaleScratch;
  static thread_local Scratch<int8_t> codeScratch;
  int8_t* const codes = codeScratch.get(rows * blocks * blockElements + 1);
  float* const scales = scaleScratch.get(rows * blocks + 1);
  forRows(call, rows, 4 * x.columns(),
          [&](int64_t row) { encodeCodes(x.row<const float>(row), blocks, codes + row * blocks * blockElements, scales + row * blocks); });
  const float* biasRow = denseFloats(bias, biasScratch);
  withWeightRows(weight, [&]<typename Format>(Rows<Format> w) {
    if constexpr (blockElementsOf(Format::dtype) == blockElements) multiplyCodes(call, {codes, scales, blocks}, rows, w, biasRow, y);
  });
  return true;
}

WHITTLE_KERNEL("linear.q8", linearQ8);

}  // namespace WHITTLE_KERNEL_NAMESPACE
