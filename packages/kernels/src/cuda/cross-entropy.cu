#include "chunk.cuh"
#include "kernel.cuh"
#include "reduce.cuh"

namespace whittle::cuda {

constexpr int lossThreads = 512;

// Σ exp(x) as `sum` · exp(`largest`).
struct ExponentialSum {
  float largest = -INFINITY;
  float sum = 0;

  // Of nothing but −∞ so far: no shift, as −∞ − (−∞) is no number.
  __device__ float shift() const { return largest == -INFINITY ? 0.0f : largest; }

  __device__ void add(const Chunk& chunk, int left) {
    float most = largest;
#pragma unroll
    for (int i = 0; i < chunkSize; i++) {
      if (i < left) most = fmaxf(most, chunk.x[i]);
    }
    if (most > largest) {
      sum *= expf(largest - most);
      largest = most;
    }
#pragma unroll
    for (int i = 0; i < chunkSize; i++) sum += i < left ? expf(chunk.x[i] - shift()) : 0.0f;
  }
};

// One pass over the row: a thread shifts its exponentials by the largest that it has met, and all are brought together at the end.
template <bool whole>
__global__ void __launch_bounds__(lossThreads) crossEntropyKernel(Tensor logits, Tensor targets, Tensor loss, Faults faults) {
  const int64_t row = blockIdx.x;
  const int columns = static_cast<int>(logits.columns());
  afterPrevious();
  const int32_t target = *targets.row<const int32_t>(row);
  float* const result = loss.row<float>(row);
  // The same in all threads of the block.
  if (target < 0 || target >= columns) {
    if (threadIdx.x != 0) return;
    if (target >= 0) faults.raise(Fault::targetOutside, target, row, columns);
    *result = 0;
    return;
  }
  const float* const x = logits.row<const float>(row);
  ExponentialSum own;
  for (int first = static_cast<int>(threadIdx.x) * chunkSize; first < columns; first += static_cast<int>(blockDim.x) * chunkSize) {
    own.add(loadChunk<whole>(x + first, columns - first), whole ? chunkSize : columns - first);
  }
  const float largest = blockMax(own.largest);
  const float sum = blockSum(own.sum * expf(own.largest - (largest == -INFINITY ? 0.0f : largest)));
  if (threadIdx.x == 0) *result = (largest - x[target]) + logf(sum);
}

static bool crossEntropy(const Call& call) {
  const Tensor &logits = call[0], &targets = call[1], &loss = call[2];
  const int64_t threads = 32 * divideUp(logits.columns(), 32 * chunkSize);
  const dim3 block(static_cast<unsigned>(threads < 32 ? 32 : threads < lossThreads ? threads : lossThreads));
  const dim3 grid(static_cast<unsigned>(loss.rows()));
  return call.launch(wholeRows(logits) ? crossEntropyKernel<true> : crossEntropyKernel<false>, grid, block, 0, logits, targets, loss, call.faults);
}

WHITTLE_CUDA_KERNEL("crossEntropy", crossEntropy);

}  // namespace whittle::cuda
