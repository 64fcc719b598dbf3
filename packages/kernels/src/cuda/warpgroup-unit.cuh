// Hopper's tensor cores as four warps use them together: products that go on by themselves, of a left operand in registers and a right one in shared memory.
// The emulator has its own version (src/cuda-emulator/warpgroup-unit.h). Kernels that use it are launched at compute capability 9.0 alone: no other GPU has it.
#pragma once

#include "types.cuh"

#ifdef WHITTLE_CUDA_EMULATED
#include "../cuda-emulator/warpgroup-unit.h"
#else

namespace whittle::cuda {

// In other machines' code nothing is left: kernels end there at once.
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define WHITTLE_GROUP(...) asm volatile(__VA_ARGS__)
constexpr bool groupsMultiply = true;
#else
constexpr bool groupsMultiply = false;
#define WHITTLE_GROUP(...)
#endif

// Before products: registers that they read or add to were written by other instructions.
__device__ inline void beginProducts() {
  WHITTLE_GROUP("wgmma.fence.sync.aligned;" ::: "memory");
}

// Ends a batch of products.
__device__ inline void endProducts() {
  WHITTLE_GROUP("wgmma.commit_group.sync.aligned;" ::: "memory");
}

#define WHITTLE_EIGHT(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define WHITTLE_SUMS(d) WHITTLE_EIGHT(d, 0), WHITTLE_EIGHT(d, 8), WHITTLE_EIGHT(d, 16), WHITTLE_EIGHT(d, 24)

// Waits until at most `batches` of this warp are on their way; then `d`, of an earlier one, can be read.
template <int batches>
__device__ inline void productsLeft(float (&d)[32]) {
  WHITTLE_GROUP("wgmma.wait_group.sync.aligned %0;" ::"n"(batches) : "memory");
  // The compiler knows nothing of what goes on by itself: it reads what this gives, which is after the wait.
  WHITTLE_GROUP("" : WHITTLE_SUMS(d)::"memory");
}

// The registers of a left operand stay as they are up to here, where its products have ended.
__device__ inline void keepOperand(uint32_t (&a)[4]) {
  WHITTLE_GROUP("" : "+r"(a[0]), "+r"(a[1]), "+r"(a[2]), "+r"(a[3])::"memory");
}

// After copies by threads into shared memory have ended and before a barrier: products begun after it read what was copied.
__device__ inline void showToProducts() {
  WHITTLE_GROUP("fence.proxy.async.shared::cta;" ::: "memory");
}

// Where the right operands of products lie: rows of 128 bytes, in eights, the pieces of each in the order of `swizzledPiece` in block-tile.cuh, from a multiple of 1024 on
// (PTX ISA, "Matrix descriptor": 128-byte swizzle, 1024 bytes from eight to eight).
using ProductRows = uint64_t;

__device__ inline ProductRows productRows(const void* rows) {
  const auto address = static_cast<uint32_t>(__cvta_generic_to_shared(rows));
  return uint64_t{1} << 62 | uint64_t{1024 >> 4} << 32 | uint64_t{1} << 16 | address >> 4;
}

#define WHITTLE_GROUP_PRODUCT(type)                                                                                                     \
  WHITTLE_GROUP(                                                                                                                        \
      "{\n"                                                                                                                             \
      ".reg .pred adds;\n"                                                                                                              \
      "setp.ne.b32 adds, %37, 0;\n"                                                                                                     \
      "wgmma.mma_async.sync.aligned.m64n64k16.f32." type "." type                                                                       \
      " {%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31},"       \
      " {%32,%33,%34,%35}, %36, adds, 1, 1, 0;\n"                                                                                       \
      "}"                                                                                                                               \
      : WHITTLE_SUMS(d)                                                                                                                 \
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(rows + (128 * first + 32 * step) / 16), "r"(static_cast<int>(adds)))

// d = a · bᵀ, or d += a · bᵀ if `adds`, four warps, m64n64k16: warp w holds lines 16w to 16w + 15 of `a`, in row-major fragments, and of `d` (element 4j + i: that of the
// warp's product with rows 8j to 8j + 7, see `matrixMultiply`). `b`: numbers 16 step to 16 step + 15 of rows `first` to `first + 63`, `first` a multiple of 8.
template <typename T>
__device__ void groupMultiply(float (&d)[32], const uint32_t (&a)[4], ProductRows rows, int first, int step, bool adds);

template <>
__device__ inline void groupMultiply<BF16>(float (&d)[32], const uint32_t (&a)[4], ProductRows rows, int first, int step, bool adds) {
  WHITTLE_GROUP_PRODUCT("bf16");
}

template <>
__device__ inline void groupMultiply<F16>(float (&d)[32], const uint32_t (&a)[4], ProductRows rows, int first, int step, bool adds) {
  WHITTLE_GROUP_PRODUCT("f16");
}

#undef WHITTLE_GROUP_PRODUCT
#undef WHITTLE_SUMS
#undef WHITTLE_EIGHT
#undef WHITTLE_GROUP

}  // namespace whittle::cuda

#endif
