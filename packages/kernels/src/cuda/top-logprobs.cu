#include "cutoff.cuh"
#include "kernel.cuh"

namespace whittle::cuda {

// What a distribution's log-probabilities are taken from.
struct Softmax {
  float largest;
  double logSum;

  __device__ Softmax(const LogitsRow& row, float largest) : largest(largest) {
    double sum = 0;
    row.eachGroup(threadIdx.x, row.groups(), blockDim.x, [&](int, const float4& x) {
      sum += (weightOf(x.x) + weightOf(x.y)) + (weightOf(x.z) + weightOf(x.w));
    });
    logSum = log(blockSum(sum));
  }

  // An infinite maximum leaves all the probability to the ids that share it.
  __device__ float weightOf(float x) const { return x == largest ? 1.0f : x < largest ? expf(x - largest) : 0.0f; }

  __device__ float logprobOf(float x) const {
    if (x == largest) return static_cast<float>(-logSum);
    return x < largest ? static_cast<float>(static_cast<double>(x) - static_cast<double>(largest) - logSum) : -INFINITY;
  }
};

// One block a row.
__global__ void __launch_bounds__(logitsThreads)
    topLogprobsKernel(Tensor logits, Tensor ids, Tensor logprobs, Tensor top, int64_t count, Faults faults) {
  WHITTLE_SHARED(shared);
  afterPrevious();
  const int64_t index = blockIdx.x;
  const LogitsRow row(logits, index);
  const int32_t id = *ids.row<const int32_t>(index);
  if (id < 0 || id >= row.columns) {
    if (threadIdx.x == 0) faults.raise(Fault::tokenOutside, id, index, row.columns);
    return;
  }
  const LogitsExtent share = LogitsExtent::ofShare(row), extent = extentOfRow(share);
  if (extent.id < 0) {
    if (threadIdx.x == 0) faults.raise(Fault::rowWithoutNumber, index, row.columns);
    return;
  }
  const Softmax softmax(row, extent.largest);
  float* const out = logprobs.row<float>(index);
  if (threadIdx.x == 0) out[0] = softmax.logprobOf(row.x[id]);

  const Order order(extent, row.columns, INFINITY);
  auto& memory = *reinterpret_cast<CutoffMemory*>(shared);
  const CutoffSearch search(row, order, memory, [](float x) { return x == x ? 1.0f : 0.0f; });
  // As many at once as can be put in order.
  Place first = 0;
  for (int64_t done = 0; done < count; done += cutoffPlaces) {
    const int wanted = count - done < cutoffPlaces ? static_cast<int>(count - done) : cutoffPlaces;
    const Place bound = done > 0 ? nowhere : search.bound(share.id < 0 ? nowhere : order.place(share.largest, share.id), wanted);
    const bool few = row.columns <= cutoffPlaces || bound != nowhere;
    Cutoff cutoff = search.find(first, bound, few, [wanted](double) { return static_cast<double>(wanted); });
    if (cutoff.sorted == 0) cutoff.sorted = search.list(first, cutoff.last);
    for (int place = threadIdx.x; place < wanted; place += blockDim.x) {
      const bool found = place < cutoff.sorted;
      const Place at = memory.sorted[place];
      out[1 + done + place] = found ? softmax.logprobOf(order.logitOf(at)) : -INFINITY;
      top.row<int32_t>(index)[done + place] = found ? order.idOf(at) : -1;
    }
    first = cutoff.last == nowhere ? nowhere : cutoff.last + 1;
    __syncthreads();
  }
}

static bool topLogprobs(const Call& call) {
  const Tensor &logits = call[0], &ids = call[1];
  const unsigned threads = threadsForLogits(logits.columns());
  return call.launch(topLogprobsKernel, dim3(static_cast<unsigned>(ids.rows())), dim3(threads), CutoffMemory::bytes(threads), logits, ids, call[2],
                     call[3], call.integer(0), call.faults);
}

WHITTLE_CUDA_KERNEL("topLogprobs", topLogprobs);

}  // namespace whittle::cuda
