// Kernels for one block of 64 threads, most of them wrong.
#pragma once

#include <cstdint>

#include "../../cuda/bulk-copy.cuh"
#include "../../cuda/platform.cuh"
#include "../../cuda/warpgroup-unit.cuh"

namespace whittle::cuda {

constexpr unsigned wholeWarp = 0xffffffffu;

__global__ inline void nothingKernel() {
  afterPrevious();
}

__global__ inline void reverseKernel(const float* from, float* to) {
  WHITTLE_SHARED(bytes);
  auto* shared = reinterpret_cast<float*>(bytes);
  afterPrevious();
  shared[threadIdx.x] = from[threadIdx.x];
  __syncthreads();
  to[threadIdx.x] = shared[63 - threadIdx.x];
}

__global__ inline void unsynchronisedKernel(const float* from, float* to) {
  WHITTLE_SHARED(bytes);
  auto* shared = reinterpret_cast<float*>(bytes);
  afterPrevious();
  shared[threadIdx.x] = from[threadIdx.x];
  to[threadIdx.x] = shared[63 - threadIdx.x];
}

__global__ inline void copyKernel(const float* from, float* to) {
  WHITTLE_SHARED(bytes);
  auto* shared = reinterpret_cast<float*>(bytes);
  afterPrevious();
  if (threadIdx.x < 16) copyAsync(shared + 4 * threadIdx.x, from + 4 * threadIdx.x);
  endCopies();
  copiesLeft<0>();
  __syncthreads();
  to[threadIdx.x] = shared[63 - threadIdx.x];
}

__global__ inline void impatientKernel(const float* from, float* to) {
  WHITTLE_SHARED(bytes);
  auto* shared = reinterpret_cast<float*>(bytes);
  afterPrevious();
  if (threadIdx.x < 16) copyAsync(shared + 4 * threadIdx.x, from + 4 * threadIdx.x);
  endCopies();
  copiesLeft<1>();
  __syncthreads();
  to[threadIdx.x] = shared[63 - threadIdx.x];
}

// Through shared memory by a bulk copy, of which so many bytes are expected.
__device__ inline void reverseInBulk(const float* from, float* to, int expected, bool waits) {
  WHITTLE_SHARED(bytes);
  auto* shared = reinterpret_cast<float*>(bytes);
  auto* barrier = reinterpret_cast<CopyBarrier*>(bytes + 256);
  afterPrevious();
  if (threadIdx.x == 0) {
    beginBarrier(barrier);
    seeBarriers();
    expectCopies(barrier, expected);
    copyBulk(shared, from, 256, barrier, readOnce());
  }
  __syncthreads();
  if (waits) awaitCopies(barrier, 0);
  to[threadIdx.x] = shared[63 - threadIdx.x];
}

__global__ inline void bulkKernel(const float* from, float* to) {
  reverseInBulk(from, to, 256, true);
}

__global__ inline void impatientBulkKernel(const float* from, float* to) {
  reverseInBulk(from, to, 256, false);
}

__global__ inline void miscountedBulkKernel(const float* from, float* to) {
  reverseInBulk(from, to, 240, true);
}

__global__ inline void divergentShuffleKernel() {
  afterPrevious();
  if (threadIdx.x % 32 < 16) __shfl_sync(wholeWarp, 1.0f, 0);
}

__global__ inline void divergentBarrierKernel() {
  afterPrevious();
  if (threadIdx.x < 32) __syncthreads();
}

__global__ inline void halfWarpKernel() {
  afterPrevious();
  __ballot_sync(0xffff, 1);
}

__global__ inline void misalignedKernel() {
  WHITTLE_SHARED(bytes);
  afterPrevious();
  copyAsync(bytes + 8, bytes + 512);
}

__global__ inline void hastyKernel() {}

// 16 x 16 by 16 x 8, both rounded, through shared memory and the fragments' layouts.
__global__ inline void productKernel(const float* a, const float* b, float* d, bool half) {
  WHITTLE_SHARED(bytes);
  auto* shared = reinterpret_cast<uint16_t*>(bytes);
  afterPrevious();
  for (unsigned i = threadIdx.x; i < 16 * 16 + 16 * 8; i += blockDim.x) {
    const float value = i < 256 ? a[i] : b[i - 256];
    shared[i] = half ? floatToHalf(value) : floatToBFloat(value);
  }
  __syncthreads();
  const unsigned lane = threadIdx.x % 32;
  uint32_t left[4], right[4];
  loadMatrices(left, shared + lane % 16 * 16 + lane / 16 * 8);
  // Two 8 x 8 matrices; the lanes above 16 load them once more.
  loadMatricesTransposed(right, shared + 256 + lane % 16 * 8);
  const uint32_t pair[2] = {right[0], right[1]};
  float sums[4] = {};
  half ? mmaHalf(sums, left, pair) : mmaBFloat(sums, left, pair);
  for (int i = 0; i < 4; i++) d[(lane / 4 + i / 2 * 8) * 8 + lane % 4 * 2 + i % 2] = sums[i];
}

// 16 x 16 by 64 x 16, in bf16, as two warps of a group do it, each the same: d is 64 x 16. The rows of `b` lie in the order of the tensor cores, after others.
__device__ inline void multiplyAsGroup(const float* a, const float* b, float* d, bool waits) {
  WHITTLE_SHARED(bytes);
  unsigned char* const rows = bytes + (-reinterpret_cast<uintptr_t>(bytes) & 1023);
  afterPrevious();
  for (unsigned i = threadIdx.x; i < 64 * 16; i += blockDim.x) {
    const unsigned row = 64 + i / 16, piece = (2 + i % 16 / 8) ^ row % 8;
    *reinterpret_cast<uint16_t*>(rows + row * 128 + piece * 16 + i % 8 * 2) = floatToBFloat(b[i]);
  }
  showToProducts();
  __syncthreads();
  const unsigned lane = threadIdx.x % 32;
  uint32_t left[4];
  for (unsigned i = 0; i < 4; i++) {
    const float* const pair = a + (lane / 4 + i % 2 * 8) * 16 + lane % 4 * 2 + i / 2 * 8;
    left[i] = packBFloats(pair[0], pair[1]);
  }
  float sums[32];
  beginProducts();
  groupMultiply<BF16>(sums, left, productRows(rows), 64, 1, false);
  groupMultiply<BF16>(sums, left, productRows(rows), 64, 1, true);
  endProducts();
  if (waits) productsLeft<0>(sums);
  for (unsigned i = 0; i < 32; i++) d[(i / 4 * 8 + lane % 4 * 2 + i % 2) * 16 + lane / 4 + i / 2 % 2 * 8] = sums[i];
}

__global__ inline void groupKernel(const float* a, const float* b, float* d) {
  multiplyAsGroup(a, b, d, true);
}

__global__ inline void impatientGroupKernel(const float* a, const float* b, float* d) {
  multiplyAsGroup(a, b, d, false);
}

}  // namespace whittle::cuda
