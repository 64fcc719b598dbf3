#include "../runtime/philox.h"
#include "cutoff.cuh"
#include "kernel.cuh"

namespace whittle::cuda {

// As core's `purpose.sample`.
constexpr uint32_t purposeSample = 0;

// What logits weigh: exp((logit − largest) / temperature), the largest giving 1; 0 for NaN and below minP. The relative error is about 3u·|exponent|, so
// that of a probability is below 1e-5 wherever it counts.
struct SamplingWeights {
  float largest;
  float inverseTemperature;
  float minP;

  __device__ float operator()(float x) const {
    const float weight = x == largest ? 1.0f : __expf((x - largest) * inverseTemperature);
    return weight >= minP ? weight : 0.0f;
  }
};

// Further below the largest than so many temperatures there is no probability to speak of.
constexpr float samplingReach = 32;

// The logits that topK, then topP, keep end with the place that this gives.
__device__ inline Place lastKept(const LogitsRow& row, const Order& order, const LogitsExtent& share, CutoffMemory& memory,
                                 const SamplingWeights& weights, float topK, float topP) {
  const Place first = share.id < 0 ? nowhere : order.place(share.largest, share.id);
  Place last = nowhere;
  bool few = row.columns <= cutoffPlaces;
  if (topK >= 1 && topK < static_cast<float>(row.columns)) {
    const auto counts = [weights](float x) { return weights(x) > 0 ? 1.0f : 0.0f; };
    const CutoffSearch search(row, order, memory, counts);
    const Place bound = search.bound(first, static_cast<int>(topK));
    const double wanted = floorf(topK);
    last = search.find(0, bound, few || bound != nowhere, [wanted](double) { return wanted; }).last;
    few = few || wanted <= cutoffPlaces;
  }
  if (topP < 1) {
    const CutoffSearch search(row, order, memory, weights);
    last = search.find(0, last, few, [topP](double all) { return all * static_cast<double>(topP); }).last;
  }
  return last;
}

// What the ids up to a place weigh, drawn from in order of id.
struct KeptLogits {
  LogitsRow row;
  Order order;
  SamplingWeights weights;
  Place last;

  __device__ float weightOf(int id, float x) const {
    const float weight = weights(x);
    return last == nowhere || order.place(x, id) <= last ? weight : 0.0f;
  }

  // Σ of the weights of a group of logits.
  __device__ float weightOf(int id, const float4& x) const {
    // Where few are kept, most groups have none of them.
    const float largest = fmaxf(fmaxf(x.x, x.y), fmaxf(x.z, x.w));
    if (last != nowhere && order.step(largest) >= order.stepOf(last) + 1) return 0;
    return (weightOf(id, x.x) + weightOf(id + 1, x.y)) + (weightOf(id + 2, x.z) + weightOf(id + 3, x.w));
  }

  // The first id at which the cumulative weight exceeds u · Σ weights; the last of positive weight if rounding leaves none; -1 if nothing weighs anything.
  __device__ int draw(double u) const {
    __shared__ double sums[32];
    __shared__ int drawn, lastOfAll;
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32, threads = blockDim.x;
    // Each warp sums a stretch of ids, then all look into the one that the draw falls on.
    const int groups = row.groups(), stretch = (groups + warps - 1) / warps;
    const auto endOf = [groups, stretch](int warp) { return (warp + 1) * stretch < groups ? (warp + 1) * stretch : groups; };
    double sum = 0;
    row.eachGroup(warp * stretch + lane, endOf(warp), 32, [&](int id, const float4& x) { sum += weightOf(id, x); });
    sum = warpReduce(sum, [](double a, double b) { return a + b; });
    if (lane == 0) sums[warp] = sum;
    if (threadIdx.x == 0) {
      drawn = row.columns;
      lastOfAll = -1;
    }
    __syncthreads();
    const double own = lane < warps ? sums[lane] : 0, through = warpPrefix(own);
    const double goal = u * __shfl_sync(0xffffffffu, through, 31);
    const unsigned passed = __ballot_sync(0xffffffffu, own > 0 && through > goal), filled = __ballot_sync(0xffffffffu, own > 0);
    if (filled == 0) return -1;
    const int chosen = passed != 0 ? __ffs(static_cast<int>(passed)) - 1 : 31 - __clz(static_cast<int>(filled));
    const double before = __shfl_sync(0xffffffffu, through - own, chosen);

    const int begin = chosen * stretch, end = endOf(chosen), share = (end - begin + threads - 1) / threads;
    const int ownBegin = begin + static_cast<int>(threadIdx.x) * share, ownEnd = ownBegin + share < end ? ownBegin + share : end;
    double ownSum = 0, all;
    for (int group = ownBegin; group < ownEnd; group++) ownSum += weightOf(group * logitsTogether, row.load(group));
    double within = before + blockPrefix(ownSum, all);
    if (ownSum > 0) {
      for (int id = ownBegin * logitsTogether; id < ownEnd * logitsTogether && id < row.columns; id++) {
        const float weight = weightOf(id, row.x[id]);
        if (!(weight > 0)) continue;
        within += weight;
        atomicMax(&lastOfAll, id);
        if (within > goal) {
          atomicMin(&drawn, id);
          break;
        }
      }
    }
    __syncthreads();
    return drawn < row.columns ? drawn : lastOfAll;
  }
};

__device__ inline int drawRow(const LogitsRow& row, const float* settings, const uint32_t* keys, CutoffMemory& memory) {
  const float temperature = settings[0], topK = settings[1], topP = settings[2], minP = settings[3];
  const LogitsExtent share = LogitsExtent::ofShare(row), extent = extentOfRow(share);
  if (temperature == 0 || extent.id < 0) return extent.id;
  const Order order(extent, row.columns, samplingReach * temperature);
  const SamplingWeights weights{extent.largest, 1.0f / temperature, minP};
  const KeptLogits kept{row, order, weights, lastKept(row, order, share, memory, weights, topK, topP)};
  const PhiloxWords random = philox({{keys[3], keys[2], purposeSample, 0}}, keys[0], keys[1]);
  return kept.draw((random.word[0] >> 8) * 0x1p-24);
}

// One block a row: greedy rows cost one pass over their logits, others two to five.
__global__ void __launch_bounds__(logitsThreads, 1) sampleKernel(Tensor logits, Tensor settings, Tensor keys, Tensor ids, Faults faults) {
  WHITTLE_SHARED(shared);
  afterPrevious();
  const int64_t row = blockIdx.x;
  const float temperature = settings.row<const float>(row)[0];
  int id = 0;
  if (temperature >= 0) {
    id = drawRow(LogitsRow(logits, row), settings.row<const float>(row), keys.row<const uint32_t>(row), *reinterpret_cast<CutoffMemory*>(shared));
    if (id < 0 && threadIdx.x == 0) faults.raise(Fault::rowWithoutNumber, row, logits.columns());
  } else if (threadIdx.x == 0) {
    faults.raise(Fault::badSampling, row, __float_as_uint(temperature));
  }
  if (threadIdx.x == 0) *ids.row<int32_t>(row) = id < 0 ? 0 : id;
}

static bool sample(const Call& call) {
  const Tensor &logits = call[0], &ids = call[3];
  const unsigned threads = threadsForLogits(logits.columns());
  return call.launch(sampleKernel, dim3(static_cast<unsigned>(ids.rows())), dim3(threads), CutoffMemory::bytes(threads), logits, call[1], call[2], ids,
                     call.faults);
}

WHITTLE_CUDA_KERNEL("sample", sample);

}  // namespace whittle::cuda
