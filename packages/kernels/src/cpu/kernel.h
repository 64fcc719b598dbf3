// What a CPU kernel sees of an op, and how it makes itself known. One file per op; adding an op adds a file and touches none.
#pragma once

#include <cstdint>

#include "../runtime/tensor.h"
#include "../runtime/upcoming.h"
#include "../runtime/workers.h"

namespace whittle {

// The arguments of one call: tensors in the order of the op's declaration, then its outputs; attributes likewise, booleans as 0 and 1.
struct Call {
  const Tensor* tensors;
  int32_t tensorCount;
  const double* attributes;
  int32_t attributeCount;
  Workers& workers;
  // Filled by fail().
  char* message;
  int32_t messageSize;

  const Tensor& operator[](int32_t index) const { return tensors[index]; }
  int64_t integer(int32_t index) const { return static_cast<int64_t>(attributes[index]); }
  float number(int32_t index) const { return static_cast<float>(attributes[index]); }
  bool flag(int32_t index) const { return attributes[index] != 0; }

  // Says why the op failed, printf-style; `return call.fail(...)`.
  bool fail(const char* format, ...) const __attribute__((format(printf, 2, 3)));
};

// False: the op failed, its outputs are void.
using Kernel = bool (*)(const Call& call);

// What a kernel reads first of the much that it reads once.
using Beginning = Upcoming (*)(const Call& call);

// Instruction sets of this architecture, weakest first. The same source is compiled once per set, in a namespace of its own.
#if defined(__aarch64__)
// - baseline: NEON. - dotprod: NEON with dot products of bytes, for kernels of 8-bit codes. - i8mm: those and products of matrices of bytes.
enum class Isa : int32_t { baseline = 0, dotprod = 1, i8mm = 2 };
#else
// - avx2: AVX2, FMA, F16C. - avxvnni: those and AVX-VNNI, for kernels of 8-bit codes. - avx512: AVX-512 F, BW, DQ, VL and VNNI.
// - avx512bf16: those and AVX512-BF16, for kernels of activations rounded to bf16. - amx: those and AMX's tiles of bf16 and of bytes, for
// kernels of activations rounded to either.
enum class Isa : int32_t { baseline = 0, avx2 = 1, avxvnni = 2, avx512 = 3, avx512bf16 = 4, amx = 5 };
#endif

struct KernelRegistration {
  KernelRegistration(const char* op, Isa isa, Kernel kernel, Beginning beginning = nullptr);
};

}  // namespace whittle

// WHITTLE_ISA is the name of an Isa, given by CMake for each compilation of a kernel's file. Kernel code lives in this namespace,
// so that the linker can never merge two builds of one inline function.
#define WHITTLE_NAMESPACE_2(isa) whittle::isa##_kernels
#define WHITTLE_NAMESPACE_1(isa) WHITTLE_NAMESPACE_2(isa)
#define WHITTLE_KERNEL_NAMESPACE WHITTLE_NAMESPACE_1(WHITTLE_ISA)

// Behind the function its Beginning, if it has one.
#define WHITTLE_KERNEL(op, function, ...)                                \
  static const ::whittle::KernelRegistration registration_##function {   \
    op, ::whittle::Isa::WHITTLE_ISA, function __VA_OPT__(, ) __VA_ARGS__ \
  }
