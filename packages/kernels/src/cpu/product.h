// y = x · weightᵀ + bias, for `linear` and the ops that fuse it. Two ways through the same dot products: few rows (decoding) stream the
// weight once, as stored, past all of them; for many rows (a prompt) both sides are packed, the weight by panels, widened to f32.
#pragma once

#include "bytes.h"
#include "packed-product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Work that is worth another thread, some 4 µs, in multiply-adds of one row; bringing an element of the weight from memory costs about
// seven.
constexpr int64_t kWorthAThread = 256 * 1024;
constexpr int64_t kFetchCost = 7;

// A weight is asked for so many elements, 2 KiB, ahead.
template <typename Format>
constexpr int64_t kAskedAhead = 2048 / static_cast<int64_t>(sizeof(typename Format::Stored));

// Rows of the weight that one row meets at a time.
constexpr int kOneRowStreams = 4;

// One row, a part of `outs` outputs: four rows of the weight at a time, a quarter of all apart. So a thread reads four streams that end
// neither with each row nor with a part (a Zen 5 reads faster from four than from one), and the part that is as long as from `from` to `to`
// is a piece of each. One row meets a weight of f32 as fast as the hardware brings it; of one of 16 bits a processor
// sees half as many bytes ahead of those at hand, and asking gains 15 to 20 % at 288 to 2048 columns.
template <typename X, typename Format>
inline void oneRow(Rows<X> x, Rows<Format> w, const float* bias, int64_t depth, int64_t outs, int64_t from, int64_t to, float* y) {
  constexpr int streams = kOneRowStreams;
  constexpr int64_t ahead = sizeof(typename Format::Stored) == 2 ? kAskedAhead<Format> : 0;
  const int64_t apart = outs / streams;
  for (int64_t out = from / streams; out < to / streams; out++) {
    float sums[streams];
    dotTile<1, streams>(x, Rows<Format>{w[out], apart * w.stride}, depth, ahead, sums);
    for (int64_t i = 0; i < streams; i++) y[out + i * apart] = bias ? sums[i] + bias[out + i * apart] : sums[i];
  }
  if (to < outs) return;
  const int64_t rest = streams * apart;
  dotRows<1, 1>(x, Rows<Format>{w[rest], w.stride}, bias ? bias + rest : nullptr, depth, outs - rest, 0, y + rest, 0);
}

// Rows of x that share a tile. AVX2's 16 registers hold three by four; widening 16-bit weights needs some of them.
template <typename Format>
constexpr int rowsTogether() {
#ifdef WHITTLE_AVX512
  return kDotRows;
#else
  return Format::dtype == DType::f32 ? kDotRows : 2;
#endif
}

// Whether streamRows is the faster way: with more than one tile of rows only if their x leaves the cache room.
template <typename Format>
inline bool worthStreams(int64_t rows, int64_t depth) {
  constexpr int most = rowsTogether<Format>();
  return rows <= most || (rows <= 2 * most && rows * depth <= 5 * 1024);
}

// Some rows, whose x stays in the first-level cache: four rows of the weight come from memory, as for one row, for the first rows of x and
// from that cache for the others (a Zen 5 is 20 to 28 % faster with 2 to 4 rows than if they were neighbours).
template <typename X, typename Format>
inline void streamRows(int64_t rows, Rows<X> x, Rows<Format> w, const float* bias, int64_t depth, int64_t from, int64_t to, float* y,
                       int64_t yStride) {
  constexpr int most = rowsTogether<Format>(), streams = kDotOuts;
  const int64_t apart = (to - from) / streams, rest = from + streams * apart;
  for (int64_t out = from; out < from + apart; out++) {
    inParts<most>(rows, [&](auto count, int64_t r) {
      const int64_t ahead = r == 0 ? kAskedAhead<Format> : 0;
      float sums[count() * streams];
      dotTile<count(), streams>(Rows<X>{x[r], x.stride}, Rows<Format>{w[out], apart * w.stride}, depth, ahead, sums);
      for (int i = 0; i < count() * streams; i++) {
        const int64_t at = out + i % streams * apart;
        y[(r + i / streams) * yStride + at] = bias ? sums[i] + bias[at] : sums[i];
      }
    });
  }
  inParts<most>(rows, [&](auto count, int64_t r) {
    const Rows<Format> last{w[rest], w.stride};
    dotRows<count(), 1>(Rows<X>{x[r], x.stride}, last, bias ? bias + rest : nullptr, depth, to - rest, 0, y + r * yStride + rest, yStride);
  });
}

// More rows: four neighbours of the weight come from memory for the first rows of x and from a cache for the others.
template <typename X, typename Format>
inline void someRows(int64_t rows, Rows<X> x, Rows<Format> w, const float* bias, int64_t depth, int64_t from, int64_t to, float* y,
                     int64_t yStride) {
  constexpr int most = rowsTogether<Format>();
  for (int64_t out = from; out < to; out += kDotOuts) {
    const Rows<Format> four{w[out], w.stride};
    const float* fourBias = bias ? bias + out : nullptr;
    const int64_t outs = smaller(kDotOuts, to - out);
    inParts<most>(rows, [&](auto count, int64_t r) {
      dotRows<count(), kDotOuts>(Rows<X>{x[r], x.stride}, four, fourBias, depth, outs, r == 0 ? kDotOuts * w.stride : 0,
                                 y + r * yStride + out, yStride);
    });
  }
}

// The same for weights in blocks: four rows of the weight are widened as they come.
template <typename Format>
inline void someRowsOfBlocks(int64_t rows, Rows<F32> x, Rows<Format> w, const float* bias, int64_t depth, int64_t from, int64_t to,
                             float* y, int64_t yStride) {
  static thread_local Scratch<float> scratch;
  float* const wide = scratch.get(kDotOuts * depth);
  for (int64_t out = from; out < to; out += kDotOuts) {
    const int64_t outs = smaller(kDotOuts, to - out);
    for (int64_t i = 0; i < outs; i++) decodeRow<Format>(w[out + i], wide + i * depth, depth);
    dotMatrix(x, rows, {wide, depth}, bias ? bias + out : nullptr, depth, outs, y + out, yStride);
  }
}

// Parts of the outputs are whole multiples of so many.
#ifdef WHITTLE_AMX
constexpr int64_t kOutsTogether = 32;
#else
constexpr int64_t kOutsTogether = 8;
#endif

// Outputs that are worth a part of their own.
inline int64_t grainOfFewRows(int64_t rows, int64_t depth) {
  return roundUp(kWorthAThread / ((rows + kFetchCost) * (depth + 1)) + 1, kOutsTogether);
}

// A part of `outs` outputs of all rows: those from `from` to `to`, or for one row as many.
template <typename X, typename Format>
inline void fewRows(int64_t rows, Rows<X> x, Rows<Format> w, const float* bias, int64_t depth, int64_t outs, int64_t from, int64_t to,
                    float* y, int64_t yStride) {
  if constexpr (isBlock(Format::dtype)) {
    someRowsOfBlocks(rows, x, w, bias, depth, from, to, y, yStride);
  } else if (rows == 1) {
    oneRow(x, w, bias, depth, outs, from, to, y);
  } else if (worthStreams<Format>(rows, depth)) {
    streamRows(rows, x, w, bias, depth, from, to, y, yStride);
  } else {
    someRows(rows, x, w, bias, depth, from, to, y, yStride);
  }
}

// Up to so many rows the weight is streamed; tuned on a Zen 5 at 576 to 2048 columns.
constexpr int64_t kFewRows = 4 * kDotRows + 12;

// The rows of x, read as X does.
template <typename X>
inline Rows<X> rowsAs(const Tensor& x) {
  return {x.row<const typename X::Stored>(0), x.rowStride};
}

// Calls body(rows) with the rows of a weight as they meet those of X.
template <typename X, typename Body>
WHITTLE_INLINE void withRowsFor(const Tensor& weight, Body&& body) {
  if constexpr (std::is_same_v<X, F32>) {
    withWeightRows(weight, body);
  } else {
    body(rowsAs<X>(weight));
  }
}

// A part of a product with up to kFewRows rows, for a loop over its outputs.
template <typename X>
inline void productOfFewRows(const Tensor& x, const Tensor& weight, const float* bias, int64_t from, int64_t to, const Tensor& y) {
  withRowsFor<X>(weight, [&]<typename Format>(Rows<Format> wRows) {
    fewRows(x.rows(), rowsAs<X>(x), wRows, bias, x.columns(), weight.rows(), from, to, y.row<float>(0), y.rowStride);
  });
}

// Whether many rows are multiplied as packed-product.h does it.
template <typename X>
constexpr bool packsPanels = true;

template <typename X>
inline void packPanel(const Tensor& weight, int64_t panel, int64_t depth, const PackedPanel& to) {
  withRowsFor<X>(weight, [&]<typename Format>(Rows<Format> w) {
    to.pack([&](int64_t out) { return LaneRow<Format>{w[out], depth}; }, panel * kPanelOuts, weight.rows());
  });
}

// What a panel is packed from, asked for in so many steps; nothing if there is no such panel.
inline Ahead panelAhead(const Tensor& weight, int64_t panel, int64_t steps) {
  const int64_t out = panel * kPanelOuts, outs = smaller(kPanelOuts, weight.rows() - out);
  if (outs <= 0) return Ahead(nullptr, 0);
  return Ahead(rowBytes(weight, out), roundUp(bytesOf(weight.dtype, outs * weight.rowStride) / steps + 1, 64));
}

// Some products of the same x: biases are rows of floats.
template <typename X>
inline void productsOfManyRows(const Call& call, const Tensor& x, int32_t count, const Tensor* weights, const float* const* biases,
                               const Tensor* results) {
  const int64_t depth = x.columns();
  int64_t panels = 0;
  for (int32_t i = 0; i < count; i++) panels += panelsOf(weights[i].rows());
  // Calls body(product, panel of it); for the panel behind the last one that behind the last product's last.
  const auto within = [&](int64_t panel, const auto& body) {
    int32_t i = 0;
    for (; i + 1 < count && panel >= panelsOf(weights[i].rows()); i++) panel -= panelsOf(weights[i].rows());
    return body(i, panel);
  };
  withPackedRows<X>(call, x.rows(), rowsAs<X>(x), depth, [&](int64_t first, const PackedRows& packed) {
    overPanels(
        call, packed, panels, PackedPanel{nullptr, packed.steps}.floats(),
        [&](int64_t panel, float* room) {
          within(panel, [&](int32_t i, int64_t at) { packPanel<X>(weights[i], at, depth, {room, packed.steps}); });
        },
        [&](int64_t panel, int64_t steps) {
          return within(panel, [&](int32_t i, int64_t at) { return panelAhead(weights[i], at, steps); });
        },
        [&](int64_t panel, int64_t group, float* room, Ahead& ahead) {
          TileSums tile;
          multiplyGroup<X>(packed, group, {room, packed.steps}, ahead, tile);
          within(panel, [&](int32_t i, int64_t at) {
            const PanelTarget target{biases[i], weights[i].rows(), results[i].template row<float>(0), results[i].rowStride};
            target.write(tile, first + packed.first(group), packed.size(group), at * kPanelOuts);
          });
        });
  });
}

// What a product of tensor 0 with `weights` weights, the tensors behind it, begins with. A prompt's arithmetic takes longer than memory.
template <int32_t weights>
inline Upcoming beginningOf(const Call& call) {
  Upcoming upcoming;
  if (call[0].rows() > kFewRows) return upcoming;
  upcoming.streams = call[0].rows() == 1 && !isBlock(call[1].dtype) ? kOneRowStreams : 1;
  for (int32_t i = 1; i <= weights; i++) upcoming.add(call[i]);
  return upcoming;
}

// X: what x is read as, F32 for f32; Bf16Pairs if x and the weight are bf16.
template <typename X>
inline void product(const Call& call, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& y) {
  const int64_t rows = x.rows(), depth = x.columns(), outs = weight.rows();
  if (rows == 0 || outs == 0) return;
  static thread_local Scratch<float> biasScratch;
  const float* biasRow = denseFloats(bias, biasScratch);
  if (rows <= kFewRows) {
    call.workers.parallelFor(outs, grainOfFewRows(rows, depth),
                             [&](int64_t from, int64_t to) { productOfFewRows<X>(x, weight, biasRow, from, to, y); });
    return;
  }
  productsOfManyRows<X>(call, x, 1, &weight, &biasRow, &y);
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
