// Hopper's bulk copy engine: one thread asks for a stretch of memory, and a barrier in shared memory tells when it has come. The emulator has its own version
// (src/cuda-emulator/bulk-copy.h). Kernels that use it are launched from compute capability 9.0 on.
#pragma once

#include "platform.cuh"

#ifdef WHITTLE_CUDA_EMULATED
#include "../cuda-emulator/bulk-copy.h"
#else

namespace whittle::cuda {

// Of older machines' code nothing is left.
#if __CUDA_ARCH__ >= 900
#define WHITTLE_BULK(...) asm volatile(__VA_ARGS__)
#else
#define WHITTLE_BULK(...)
#endif

// Counts the copies into one place: a phase of it ends when `expectCopies` was called, once, and all the bytes it named have come. `seeBarriers` by the thread
// that begins barriers, and then a barrier of the block, make them known.
using CopyBarrier = uint64_t;

__device__ inline uint32_t sharedAddress(const void* shared) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
}

__device__ inline void beginBarrier(CopyBarrier* barrier) {
  WHITTLE_BULK("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(sharedAddress(barrier)) : "memory");
}

__device__ inline void seeBarriers() {
  WHITTLE_BULK("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ inline void expectCopies(CopyBarrier* barrier, int bytes) {
  WHITTLE_BULK("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(sharedAddress(barrier)), "r"(bytes) : "memory");
}

// Waits for the end of the barrier's phases of this parity, 0 for the first.
__device__ inline void awaitCopies(CopyBarrier* barrier, uint32_t parity) {
  WHITTLE_BULK(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;\n"
      "}" ::"r"(sharedAddress(barrier)),
      "r"(parity)
      : "memory");
}

// The second-level cache may drop first what is read by it. One for all threads of a warp.
__device__ inline uint64_t readOnce() {
  uint64_t policy = 0;
  WHITTLE_BULK("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}

// Addresses and bytes are multiples of 16, bytes not 0.
__device__ inline void copyBulk(void* shared, const void* source, int bytes, CopyBarrier* barrier, uint64_t policy) {
  WHITTLE_BULK("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], %4;" ::"r"(sharedAddress(shared)),
               "l"(source), "r"(bytes), "r"(sharedAddress(barrier)), "l"(policy)
               : "memory");
}

// A hint, as `prefetchL2`, for a stretch.
__device__ inline void prefetchBulk(const void* source, int bytes) {
  WHITTLE_BULK("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(source), "r"(bytes));
}

#undef WHITTLE_BULK

}  // namespace whittle::cuda

#endif
