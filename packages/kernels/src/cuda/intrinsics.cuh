// The few instructions that CUDA C++ has no words for. The emulator has its own version of each (src/cuda-emulator/intrinsics.h).
#pragma once

#ifndef WHITTLE_CUDA_EMULATED

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace whittle::cuda {

// From here on what the kernels before this one in the queue wrote can be read. For kernels that do not begin with `afterPrevious`.
__device__ inline void awaitPrevious() {
  // Kernels of older machines start when the one before has ended.
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}

// The next kernel may be set up once every block has called this, or has ended.
__device__ inline void letNextStart() {
#if __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}

// Every kernel begins with it: what the kernels before it in the queue wrote can be read from here on. Before it a kernel may compute addresses and call
// `prefetchL2`, and read what the call says is settled, nothing else. The next kernel may be set up even before that, so that its prefetches fill the time of small kernels: it waits for this one,
// which ends after all before it.
__device__ inline void afterPrevious() {
  letNextStart();
  awaitPrevious();
}

// A hint: the cache line of `address` will be read. Safe on any address of the tensor, whoever is writing to it.
__device__ inline void prefetchL2(const void* address) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
}

__device__ inline float halfToFloat(uint16_t bits) {
  return __half2float(__ushort_as_half(bits));
}

__device__ inline uint16_t floatToHalf(float value) {
  return __half_as_ushort(__float2half_rn(value));
}

__device__ inline uint16_t floatToBFloat(float value) {
  return __bfloat16_as_ushort(__float2bfloat16_rn(value));
}

// Two floats rounded to 16 bits each, `low` in the lower half.
__device__ inline uint32_t packHalfs(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

__device__ inline uint32_t packBFloats(float low, float high) {
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

// (a & mask) | bits, as one instruction: two constants would make the compiler split it.
__device__ inline uint32_t maskedOr(uint32_t a, uint32_t mask, uint32_t bits) {
  uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(result) : "r"(a), "r"(mask), "r"(bits));
  return result;
}

// Differences of two pairs of 16-bit floats, each rounded once.
__device__ inline uint32_t subtractHalfs(uint32_t a, uint32_t b) {
  uint32_t pair;
  asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(pair) : "r"(a), "r"(b));
  return pair;
}

__device__ inline uint32_t subtractBFloats(uint32_t a, uint32_t b) {
  uint32_t pair;
#if __CUDA_ARCH__ >= 900
  asm("sub.rn.bf16x2 %0, %1, %2;" : "=r"(pair) : "r"(a), "r"(b));
#else
  // a · 1 − b.
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(pair) : "r"(a), "r"(0x3f803f80), "r"(b ^ 0x80008000));
#endif
  return pair;
}

// The larger number, NaN if there is one (fmaxf gives the other operand).
__device__ inline float largerOrNaN(float a, float b) {
  float larger;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(larger) : "f"(a), "f"(b));
  return larger;
}

// 2^x within 2 ulp, one instruction; subnormal results become 0.
__device__ inline float exp2Approximate(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}

// d += a · b on the tensor cores, one warp, f32 sums: m16n8k16. `a` is 16 x 16 in row-major fragments, `b` 16 x 8 in column-major ones, `d` 16 x 8
// (PTX ISA, "Matrix Fragments for mma.m16n8k16").
__device__ inline void mmaBFloat(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline void mmaHalf(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four 8 x 8 matrices of 16-bit elements from shared memory: lane 8i + r gives the address of row r of matrix i (16-byte aligned).
__device__ inline void loadMatrices(uint32_t (&fragment)[4], const void* row) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(address));
}

// The same, each matrix transposed.
__device__ inline void loadMatricesTransposed(uint32_t (&fragment)[4], const void* row) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
               : "r"(address));
}

// An 8 x 8 matrix of 16-bit elements, of which lane 4r + c has elements 2c and 2c + 1 of row r, transposed.
__device__ inline uint32_t transposeMatrix(uint32_t pair) {
  uint32_t transposed;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(transposed) : "r"(pair));
  return transposed;
}

// 16 bytes from global to shared memory, without waiting; zeros when `present` is false (`source` must be a valid address even then).
__device__ inline void copyAsync(void* shared, const void* source, bool present = true) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  const int bytes = present ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(source), "r"(bytes));
}

// Ends a group of this thread's copies; `copiesLeft<n>` waits until at most n groups are on their way. A barrier makes them seen by other threads.
__device__ inline void endCopies() {
  asm volatile("cp.async.commit_group;");
}

template <int groups>
__device__ void copiesLeft() {
  asm volatile("cp.async.wait_group %0;" ::"n"(groups));
}

// Read once, not kept in L1: for weights. 16 bytes.
__device__ inline uint4 loadStreaming(const void* address) {
  uint4 value;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "l"(address));
  return value;
}

}  // namespace whittle::cuda

#endif
