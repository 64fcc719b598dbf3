// What a CUDA kernel's host side sees of an op, and how it makes itself known. One file per op, named as the CPU's; adding an op adds a file and touches none.
#pragma once

#include <cstddef>
#include <cstdint>

#include "faults.cuh"
#include "launch.cuh"
#include "platform.cuh"
#include "types.cuh"

namespace whittle::cuda {

// What kernels choose their shapes by.
struct Machine {
  int32_t multiprocessors = 1;
  // Compute capability, 90 for 9.0.
  int32_t capability = 0;
  // Shared memory that one block may ask for.
  int32_t sharedBytes = 48 * 1024;
};

class BlasLt;

constexpr int64_t ticketCount = 4096;

// Device memory that an op uses while it runs. Grows to the largest request; ops run one after another, so all share it.
class Scratch {
 public:
  virtual ~Scratch() = default;
  // 256-byte aligned. Null when there is no memory.
  virtual void* take(size_t bytes) = 0;
  // `ticketCount` numbers by which the blocks of a kernel find out who comes last: 0, and left so by who used them. Null when there is no memory.
  virtual unsigned* tickets() = 0;
};

// The arguments of one call: tensors in the order of the op's declaration, then its outputs; attributes likewise, booleans as 0 and 1. Tensors are in
// device memory.
struct Call {
  const Tensor* tensors;
  int32_t tensorCount;
  const double* attributes;
  int32_t attributeCount;
  const Machine& machine;
  Scratch& scratch;
  // Null where the library is not installed.
  BlasLt* blasLt;
  Faults faults;
  cudaStream_t stream;
  // Filled by fail().
  char* message;
  int32_t messageSize;
  // Bit i: what tensor i holds was written before any kernel began that may still run, so that it can be read without waiting for those. A promise that only
  // programs of the GPU can give.
  uint32_t settled = 0;

  const Tensor& operator[](int32_t index) const { return tensors[index]; }
  int64_t integer(int32_t index) const { return static_cast<int64_t>(attributes[index]); }
  float number(int32_t index) const { return static_cast<float>(attributes[index]); }
  bool flag(int32_t index) const { return attributes[index] != 0; }
  bool areSettled(int32_t first, int32_t count) const { return (~settled >> first & ((1u << count) - 1)) == 0; }

  // Says why the op cannot be launched, printf-style; `return call.fail(...)`.
  bool fail(const char* format, ...) const __attribute__((format(printf, 2, 3)));

  // Puts a kernel into the queue; its blocks may be set up while the kernel before it still runs, so it begins with `afterPrevious()`. An empty grid launches
  // nothing. False: the driver refused; the message says why. `return call.launch(...)`.
  template <typename... Parameters, typename... Arguments>
  bool launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t sharedBytes, const Arguments&... arguments) const {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return true;
    return succeeded(cuda::launch(stream, kernel, grid, block, sharedBytes, arguments...));
  }

 private:
  bool succeeded(cudaError_t status) const { return status == cudaSuccess || fail("%s", cudaGetErrorString(status)); }
};

// False: the op was not launched, its outputs are void.
using Kernel = bool (*)(const Call& call);

struct KernelRegistration {
  KernelRegistration(const char* op, Kernel kernel);
};

inline int64_t divideUp(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace whittle::cuda

// Dynamic shared memory, 128-byte aligned, as bytes.
#ifndef WHITTLE_CUDA_EMULATED
#define WHITTLE_SHARED(name) extern __shared__ __align__(128) unsigned char name[]
#endif

#define WHITTLE_CUDA_KERNEL(op, function)                                    \
  static const ::whittle::cuda::KernelRegistration registration_##function { \
    op, function                                                             \
  }
