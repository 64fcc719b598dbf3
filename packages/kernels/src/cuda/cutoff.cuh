// Where the leading logits of a row end: found by narrowing a range of places, without sorting the vocabulary.
#pragma once

#include "order.cuh"
#include "prefix.cuh"

namespace whittle::cuda {

// Cuts one pass over a row parts a range into.
constexpr int cutoffBins = 32;
// Places that are put in order at once.
constexpr int cutoffPlaces = 512;

// What a block needs for it, in dynamic shared memory.
struct CutoffMemory {
  // As gathered, then in order.
  Place gathered[cutoffPlaces];
  Place sorted[cutoffPlaces];
  // Measure of each bin; how many places were to be gathered, which may be more than there is room for.
  double sums[cutoffBins];
  int found;
  int answer;

  // Behind it. Each thread has bins of its own, `blockDim.x` apart, and adds to them in order of id: no atomics, so the same sums each time.
  __device__ float* bins() { return reinterpret_cast<float*>(this + 1); }
  static size_t bytes(unsigned threads) { return sizeof(CutoffMemory) + sizeof(float) * cutoffBins * threads; }
};

// The leading places end with `last`. `sorted` of them are in order in the memory: all, or 0.
struct Cutoff {
  Place last;
  int sorted;
};

// measure(logit) is what a logit counts for: 1 or 0, or its weight. 0 leaves it out.
template <typename Measure>
class CutoffSearch {
 public:
  __device__ CutoffSearch(const LogitsRow& row, const Order& order, CutoffMemory& memory, Measure measure)
      : row_(row), order_(order), memory_(memory), measure_(measure) {}

  // A place that at least `wanted` places reach, near the one that exactly so many reach: among the first places of stretches of the row. `nowhere` if
  // there are too few stretches. `first` is the first place of this thread's share.
  __device__ Place bound(Place first, int wanted) const {
    int width = 1;
    while (width < 32 && wanted * 4 * width <= static_cast<int>(blockDim.x)) width *= 2;
    const int stretches = static_cast<int>(blockDim.x) / width;
    if (wanted * 2 > stretches) return nowhere;
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      const Place other = __shfl_xor_sync(0xffffffffu, first, distance);
      if (distance < width && other < first) first = other;
    }
    __syncthreads();
    if (threadIdx.x % width == 0) memory_.gathered[threadIdx.x / width] = first;
    sort(stretches);
    return memory_.sorted[wanted - 1];
  }

  // The end of the fewest leading places from `first` to `last` whose measures reach goal(their total); `last` if they do not. `few`: there may be so few
  // that they can be put in order at once.
  template <typename Goal>
  __device__ Cutoff find(Place first, Place last, bool few, Goal goal) const {
    Place from = first, to = last < order_.end() ? last : order_.end();
    double before = 0, wanted = 0;
    for (bool opening = true;; opening = false, few = true) {
      const int bits = 64 - __clzll(static_cast<long long>(to - from));
      const int shift = bits > 5 ? bits - 5 : 0;
      gather(from, to, shift, few);
      const int found = memory_.found;
      if (few && found <= cutoffPlaces) {
        sort(found);
        return endWithin(found, opening, last, [&](double all) { return opening ? goal(all) : wanted - before; });
      }
      const int lane = threadIdx.x % 32;
      const double own = memory_.sums[lane], through = warpPrefix(own);
      if (opening) wanted = goal(__shfl_sync(0xffffffffu, through, 31));
      const unsigned reached = __ballot_sync(0xffffffffu, own > 0 && before + through >= wanted);
      const unsigned filled = __ballot_sync(0xffffffffu, own > 0);
      if (reached == 0 && opening) {
        // Who comes next writes to what others may still be reading.
        __syncthreads();
        return {last, 0};
      }
      const int bin = reached != 0 ? __ffs(static_cast<int>(reached)) - 1 : 31 - __clz(static_cast<int>(filled));
      before += __shfl_sync(0xffffffffu, through - own, bin);
      from += static_cast<Place>(bin) << shift;
      const Place end = from + ((Place{1} << shift) - 1);
      to = end < to ? end : to;
      __syncthreads();
    }
  }

  // Puts the places from `first` to `last` in order, which must not be too many. How many there are.
  __device__ int list(Place first, Place last) const {
    gather(first, last, 59, true);
    const int found = memory_.found < cutoffPlaces ? memory_.found : cutoffPlaces;
    sort(found);
    return found;
  }

 private:
  // Sums the measures of the places of a range by bin, and gathers the places if there may be few. All threads are done with the memory.
  __device__ void gather(Place from, Place to, int shift, bool few) const {
    float* const bins = memory_.bins() + threadIdx.x;
    const int threads = static_cast<int>(blockDim.x);
    for (int bin = 0; bin < cutoffBins; bin++) bins[bin * threads] = 0;
    if (threadIdx.x == 0) memory_.found = 0;
    __syncthreads();
    const float nearest = order_.stepOf(from), beyond = order_.stepOf(to) + 1;
    // Once there are too many they are only known to be.
    bool full = !few;
    // All of a group is looked at before anything is done with it: most groups have nothing in the range, and the others do not wait four times.
    row_.eachGroup(threadIdx.x, row_.groups(), threads, [&](int id, const float4& logits) {
      const float x[logitsTogether] = {logits.x, logits.y, logits.z, logits.w};
      float step[logitsTogether];
      bool near = false;
#pragma unroll
      for (int i = 0; i < logitsTogether; i++) {
        step[i] = order_.step(x[i]);
        near = near || (step[i] >= nearest && step[i] < beyond);
      }
      if (!near) return;
      Place place[logitsTogether];
      float measure[logitsTogether];
#pragma unroll
      for (int i = 0; i < logitsTogether; i++) {
        place[i] = order_.place(step[i], x[i], id + i);
        measure[i] = place[i] >= from && place[i] <= to ? measure_(x[i]) : 0.0f;
      }
#pragma unroll
      for (int i = 0; i < logitsTogether; i++) {
        if (measure[i] > 0) bins[static_cast<int>((place[i] - from) >> shift) * threads] += measure[i];
      }
#pragma unroll
      for (int i = 0; i < logitsTogether; i++) {
        if (full || !(measure[i] > 0)) continue;
        const int at = atomicAdd(&memory_.found, 1);
        if (at < cutoffPlaces) {
          memory_.gathered[at] = place[i];
        } else {
          full = true;
        }
      }
    });
    __syncthreads();
    for (int bin = threadIdx.x / 32; bin < cutoffBins; bin += threads / 32) {
      double sum = 0;
      for (int i = threadIdx.x % 32; i < threads; i += 32) sum += memory_.bins()[bin * threads + i];
      sum = warpReduce(sum, [](double a, double b) { return a + b; });
      if (threadIdx.x % 32 == 0) memory_.sums[bin] = sum;
    }
    __syncthreads();
  }

  // Each place goes where the number of smaller ones says. Steps of a sorting network would wait for each other more often than this counts.
  __device__ void sort(int count) const {
    for (int i = threadIdx.x; i < count; i += blockDim.x) memory_.sorted[i] = nowhere;
    __syncthreads();
    for (int i = threadIdx.x; i < count; i += blockDim.x) {
      const Place own = memory_.gathered[i];
      int smaller = 0;
#pragma unroll 8
      for (int j = 0; j < count; j++) smaller += memory_.gathered[j] < own;
      memory_.sorted[smaller] = own;
    }
    __syncthreads();
  }

  // The end of the fewest of the `count` sorted places whose measures reach goal(their total).
  template <typename Goal>
  __device__ Cutoff endWithin(int count, bool opening, Place last, Goal goal) const {
    const int threads = static_cast<int>(blockDim.x), share = (count + threads - 1) / threads;
    const int begin = static_cast<int>(threadIdx.x) * share, end = begin + share < count ? begin + share : count;
    const auto measureAt = [&](int i) { return static_cast<double>(measure_(order_.logitOf(memory_.sorted[i]))); };
    double own = 0;
    for (int i = begin; i < end; i++) own += measureAt(i);
    double all;
    double sum = blockPrefix(own, all);
    const double wanted = goal(all);
    if (threadIdx.x == 0) memory_.answer = count - 1;
    __syncthreads();
    for (int i = begin; i < end; i++) {
      sum += measureAt(i);
      if (sum < wanted) continue;
      atomicMin(&memory_.answer, i);
      break;
    }
    __syncthreads();
    const int answer = memory_.answer;
    if (answer < 0) return {last, 0};
    return {memory_.sorted[answer], opening ? answer + 1 : 0};
  }

  const LogitsRow row_;
  const Order order_;
  CutoffMemory& memory_;
  const Measure measure_;
};

}  // namespace whittle::cuda
