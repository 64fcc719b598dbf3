// The inner half of a gated MLP, for `gatedLinear` and `gatedLinear.bf16`. X: see product.h.
#pragma once

#include "bytes.h"
#include "elementary.h"
#include "elementwise.h"
#include "product.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Floats that wait for their partner: few enough to stay in the second-level cache.
constexpr int64_t kWaiting = 128 * 1024;

inline Tensor rowsOf(const Tensor& x, int64_t from, int64_t count) {
  Tensor part = x;
  if (!x.present()) return part;
  part.data = static_cast<uint8_t*>(x.data) + bytesOf(x.dtype, from * x.rowStride);
  part.dims[0] = count;
  return part;
}

// Some columns from `from` on.
inline Tensor columnsOf(const Tensor& x, int64_t from, int64_t count) {
  Tensor part = x;
  part.data = x.row<float>(0) + from;
  part.dims[1] = count;
  return part;
}

// y = silu(gates) · ups, where y holds the gates.
inline void meet(const Tensor& y, const Tensor& ups, int64_t row) {
  float* out = y.row<float>(row);
  mapElements(out, ups.row<const float>(row), out, y.columns(), [](Vec g, Vec u) { return silu(g) * u; });
}

// One loop: the halves of a column meet on the thread that formed them, and between two loops memory would have nothing to do.
template <typename X>
inline void gatedFewRows(const Call& call) {
  const Tensor &x = call[0], &gate = call[1], &up = call[2], &y = call[5];
  static thread_local Scratch<float> gateScratch, upScratch;
  const float *gateBias = denseFloats(call[3], gateScratch), *upBias = denseFloats(call[4], upScratch);
  const int64_t grain = roundUp(grainOfFewRows(y.rows(), x.columns()) / 2, kOutsTogether);
  call.workers.parallelFor(y.columns(), grain, [&](int64_t from, int64_t to) {
    static thread_local Scratch<float> scratch;
    const int64_t count = to - from;
    const Tensor gates = columnsOf(y, from, count);
    Tensor ups = gates;
    ups.data = scratch.get(y.rows() * count);
    ups.rowStride = count;
    productOfFewRows<X>(x, rowsOf(gate, from, count), gateBias ? gateBias + from : nullptr, 0, count, gates);
    productOfFewRows<X>(x, rowsOf(up, from, count), upBias ? upBias + from : nullptr, 0, count, ups);
    for (int64_t row = 0; row < y.rows(); row++) meet(gates, ups, row);
  });
}

// The halves of a tile meet in registers.
template <typename X>
inline void gatedPanels(const Call& call) {
  const Tensor &x = call[0], &gate = call[1], &up = call[2], &y = call[5];
  static thread_local Scratch<float> gateScratch, upScratch;
  const float *gateBias = denseFloats(call[3], gateScratch), *upBias = denseFloats(call[4], upScratch);
  const int64_t depth = x.columns(), outs = y.columns();
  struct Both {
    Ahead gate, up;
  };
  withPackedRows<X>(call, y.rows(), rowsAs<X>(x), depth, [&](int64_t first, const PackedRows& packed) {
    const auto halves = [&](float* room, int64_t half) {
      PackedPanel panel{room, packed.steps};
      panel.data += half * panel.floats();
      return panel;
    };
    overPanels(
        call, packed, panelsOf(outs), 2 * halves(nullptr, 0).floats(),
        [&](int64_t panel, float* room) {
          packPanel<X>(gate, panel, depth, halves(room, 0));
          packPanel<X>(up, panel, depth, halves(room, 1));
        },
        [&](int64_t panel, int64_t steps) {
          return Both{panelAhead(gate, panel, steps), panelAhead(up, panel, steps)};
        },
        [&](int64_t panel, int64_t group, float* room, Both& ahead) {
          TileSums gates, ups;
          multiplyGroup<X>(packed, group, halves(room, 0), ahead.gate, gates);
          multiplyGroup<X>(packed, group, halves(room, 1), ahead.up, ups);
          const int64_t out = panel * kPanelOuts;
          const PanelBias gateMore(gateBias, out, outs), upMore(upBias, out, outs);
          float* const corner = y.row<float>(first + packed.first(group)) + out;
          gates.each(packed.size(group), [&](int64_t r, int64_t column, Vec sums) {
            const Vec g = gateMore.add(sums, column), u = upMore.add(ups.at(r, column), column);
            storeSome(corner + r * y.rowStride + column, silu(g) * u, outs - out - column);
          });
        });
  });
}

// For products of another kind: a panel of columns at a time, its gates go to y, its other halves to scratch, where they meet.
template <typename X>
inline void gatedByProducts(const Call& call) {
  const Tensor &x = call[0], &gate = call[1], &up = call[2], &gateBias = call[3], &upBias = call[4], &y = call[5];
  const int64_t rows = y.rows(), width = y.columns();
  static thread_local Scratch<float> scratch;
  const int64_t panel = roundUp(kWaiting / rows < 256 ? 256 : kWaiting / rows, 32);
  for (int64_t from = 0; from < width; from += panel) {
    const int64_t count = smaller(panel, width - from);
    const Tensor gates = columnsOf(y, from, count);
    Tensor ups = gates;
    ups.data = scratch.get(rows * count);
    ups.rowStride = count;
    product<X>(call, x, rowsOf(gate, from, count), rowsOf(gateBias, from, count), gates);
    product<X>(call, x, rowsOf(up, from, count), rowsOf(upBias, from, count), ups);
    forRows(call, rows, 6 * count, [&](int64_t row) { meet(gates, ups, row); });
  }
}

// The gates of a part come first, and the part's streams begin within it.
inline Upcoming gatedBeginning(const Call& call) {
  Upcoming upcoming;
  if (call[0].rows() <= kFewRows) upcoming.add(call[1]);
  return upcoming;
}

template <typename X>
inline bool gatedProduct(const Call& call) {
  const Tensor& y = call[5];
  if (y.rows() == 0 || y.columns() == 0) return true;
  if (y.rows() <= kFewRows) {
    gatedFewRows<X>(call);
  } else {
    if constexpr (packsPanels<X>) {
      gatedPanels<X>(call);
    } else {
      gatedByProducts<X>(call);
    }
  }
  return true;
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
