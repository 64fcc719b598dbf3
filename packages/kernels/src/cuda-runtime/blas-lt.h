// Large matrix products by NVIDIA's cuBLASLt, found at run time: Whittle neither ships it nor needs its headers.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>

#include "../cuda/platform.cuh"
#include "../runtime/tensor.h"

namespace whittle::cuda {

// One per queue, used by the queue's thread alone. Nothing that it does waits for the GPU, so its calls may be captured into a graph.
class BlasLt {
 public:
  // Null where the library is not installed. It is looked for under the path in WHITTLE_CUBLASLT, else by the names libcublasLt.so.13 and .12.
  static std::unique_ptr<BlasLt> open();
  ~BlasLt();
  BlasLt(const BlasLt&) = delete;
  BlasLt& operator=(const BlasLt&) = delete;

  // y = x · weightᵀ with f32 sums: x [rows, in], weight [out, in], y [rows, out], any row strides. x and weight have one dtype (f32, bf16, f16), y the same
  // or f32. False when the library refuses such a product, and nothing was queued: the caller computes it itself. The order of the sums depends on all three sizes.
  bool matmul(cudaStream_t stream, const Tensor& y, const Tensor& x, const Tensor& weight);

 private:
  struct Library;
  struct Plan;
  struct Key;
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };

  explicit BlasLt(std::unique_ptr<Library> library);
  const Plan* planFor(const Key& key);

  std::unique_ptr<Library> library_;
  void* handle_ = nullptr;
  void* workspace_ = nullptr;
  size_t workspaceBytes_ = 0;
  // By shape; null: the library refused it.
  std::unordered_map<Key, std::unique_ptr<Plan>, KeyHash> plans_;
};

}  // namespace whittle::cuda
