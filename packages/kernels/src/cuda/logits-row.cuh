// A row of logits as one block reads it.
#pragma once

#include <cstdint>

#include "../runtime/tensor.h"
#include "platform.cuh"

namespace whittle::cuda {

constexpr int logitsThreads = 512;

// Neighbouring logits that one access takes. Which thread gets which of them does not depend on where the row lies in memory.
constexpr int logitsTogether = 4;

// As many threads as can take part, in whole warps.
inline unsigned threadsForLogits(int64_t columns) {
  const int64_t warps = (columns + 32 * logitsTogether - 1) / (32 * logitsTogether);
  return 32 * static_cast<unsigned>(warps < 1 ? 1 : warps < logitsThreads / 32 ? warps : logitsThreads / 32);
}

struct LogitsRow {
  const float* x;
  int columns;
  bool packed;

  __device__ LogitsRow(const Tensor& logits, int64_t row)
      : x(logits.row<const float>(row)),
        columns(static_cast<int>(logits.columns())),
        packed(reinterpret_cast<uintptr_t>(x) % sizeof(float4) == 0) {}

  __device__ int groups() const { return (columns + logitsTogether - 1) / logitsTogether; }

  // NaN beyond the end, which counts nowhere.
  __device__ float4 load(int group) const {
    const int first = group * logitsTogether, left = columns - first;
    if (packed && left >= logitsTogether) return *reinterpret_cast<const float4*>(x + first);
    return make_float4(x[first], left > 1 ? x[first + 1] : NAN, left > 2 ? x[first + 2] : NAN, left > 3 ? x[first + 3] : NAN);
  }

  // Calls visit(id, logits) for the groups `first`, `first + step` and so on before `end`: four logits from `id` on.
  template <typename Visit>
  __device__ void eachGroup(int first, int end, int step, Visit visit) const {
    // As many accesses on their way as keep one multiprocessor's share of L2 busy.
    constexpr int ahead = 4;
    int group = first;
    for (; group + (ahead - 1) * step < end; group += ahead * step) {
      float4 loaded[ahead];
#pragma unroll
      for (int i = 0; i < ahead; i++) loaded[i] = load(group + i * step);
#pragma unroll
      for (int i = 0; i < ahead; i++) visit((group + i * step) * logitsTogether, loaded[i]);
    }
    for (; group < end; group += step) visit(group * logitsTogether, load(group));
  }

  // Calls visit(id, logit) for this thread's share of the row, in order of id.
  template <typename Visit>
  __device__ void each(Visit visit) const {
    eachGroup(threadIdx.x, groups(), blockDim.x, [&](int id, const float4& logits) {
      visit(id, logits.x);
      visit(id + 1, logits.y);
      visit(id + 2, logits.z);
      visit(id + 3, logits.w);
    });
  }
};

// What a thread's share of a row, or all of it, extends over. NaN is nowhere.
struct LogitsExtent {
  float largest = -INFINITY;
  // Where the largest first stands; -1 if there is no number.
  int id = -1;
  // The least that is finite.
  float least = INFINITY;

  __device__ static LogitsExtent ofShare(const LogitsRow& row) {
    LogitsExtent extent;
    row.each([&](int id, float x) {
      const bool better = x > extent.largest || (x == extent.largest && extent.id < 0);
      extent.largest = better ? x : extent.largest;
      extent.id = better ? id : extent.id;
      extent.least = x > -INFINITY ? fminf(extent.least, x) : extent.least;
    });
    return extent;
  }
};

}  // namespace whittle::cuda
