// `gatedLinear` as `linear.q8` computes: x is rounded once for both weights.
#include "code-product.h"
#include "elementary.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Floats of a thread that wait for their gates: few enough to stay in the second-level cache.
constexpr int64_t kWaitingUps = 64 * 1024;

// `count` groups of outputs from group `from` on.
template <typename Format>
static Product<Format> groupsOf(const Product<Format>& all, int64_t from, int64_t count) {
  const int64_t out = from * kLanes;
  return {
      {all.w[out], all.w.stride}, all.bias ? all.bias + out : nullptr, smaller(count * kLanes, all.outs - out), all.y + out, all.yStride};
}

// Some groups at a time: their gates go to y, their other halves to scratch, where they meet.
template <typename Format>
static void multiplyGated(const CodedRows& x, int64_t firstTile, int64_t lastTile, const Product<Format>& gate, const Product<Format>& up,
                          int64_t from, int64_t to) {
  static thread_local Scratch<float> scratch;
  const int64_t firstRow = x.tile(firstTile).first, lastRow = x.tile(lastTile - 1).first + x.tile(lastTile - 1).rows;
  const int64_t fit = kWaitingUps / (kLanes * (lastRow - firstRow)), side = fit > 1 ? fit : 1;
  for (int64_t first = from; first < to; first += side) {
    const int64_t count = smaller(side, to - first);
    const Product<Format> gates = groupsOf(gate, first, count);
    Product<Format> ups = groupsOf(up, first, count);
    ups.yStride = count * kLanes;
    ups.y = scratch.get(lastRow * ups.yStride);
    multiplyGroups(x, firstTile, lastTile, gates, 0, count);
    multiplyGroups(x, firstTile, lastTile, ups, 0, count);
    for (int64_t row = firstRow; row < lastRow; row++) {
      float* const out = gates.y + row * gates.yStride;
      mapElements(out, ups.y + row * ups.yStride, out, gates.outs, [](Vec g, Vec u) { return silu(g) * u; });
    }
  }
}

static bool gatedLinearQ8(const Call& call) {
  const Tensor &x = call[0], &gate = call[1], &up = call[2], &gateBias = call[3], &upBias = call[4], &y = call[5];
  if (y.rows() == 0 || y.columns() == 0) return true;
  static thread_local Scratch<float> gateScratch, upScratch;
  const float *gateRow = denseFloats(gateBias, gateScratch), *upRow = denseFloats(upBias, upScratch);
  withCodedFormat(gate.dtype, [&]<typename Format>(Format) {
    const Product<Format> gates = productInto<Format>(gate, gateRow, y), ups = productInto<Format>(up, upRow, y);
    withCodedRows<Format>(call, x, [&](const CodedRows& coded) {
      forParts(call, coded, gates.groups(), [&](int64_t firstTile, int64_t lastTile, int64_t from, int64_t to) {
        multiplyGated(coded, firstTile, lastTile, gates, ups, from, to);
      });
    });
  });
  return true;
}

// The gates of a part come first, and the part's streams begin within it.
static Upcoming gatedBeginning(const Call& call) {
  Upcoming upcoming;
  if (call[0].rows() <= kCodedTile) upcoming.add(call[1]);
  return upcoming;
}

WHITTLE_KERNEL("gatedLinear.q8", gatedLinearQ8, gatedBeginning);

}  // namespace WHITTLE_KERNEL_NAMESPACE
