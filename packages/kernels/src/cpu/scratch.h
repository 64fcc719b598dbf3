// Working memory of one thread, kept from call to call.
#pragma once

#include <cstdint>
#include <new>

#include "convert.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Not std::vector: the linker would merge its functions with those of builds for other instruction sets.
template <typename T>
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { ::operator delete(data_, kAlignment); }

  // At least `count` elements, aligned to a cache line, with undefined content; valid until the next call.
  T* get(int64_t count) {
    if (count > size_) {
      ::operator delete(data_, kAlignment);
      data_ = nullptr;
      size_ = 0;
      data_ = static_cast<T*>(::operator new(static_cast<size_t>(count) * sizeof(T), kAlignment));
      size_ = count;
    }
    return data_;
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  T* data_ = nullptr;
  int64_t size_ = 0;
};

// A rank-1 tensor of floats as a dense f32 array: itself if it is one, else a copy in `scratch`.
inline const float* denseFloats(const Tensor& x, Scratch<float>& scratch) {
  if (!x.present()) return nullptr;
  if (x.dtype == DType::f32 && (x.rowStride == 1 || x.rows() <= 1)) return x.row<const float>(0);
  float* copy = scratch.get(x.rows());
  withFormat(x.dtype, [&](auto format) {
    using Format = decltype(format);
    for (int64_t i = 0; i < x.rows(); i++) copy[i] = Format::decode(*x.row<const typename Format::Stored>(i));
  });
  return copy;
}

}  // namespace WHITTLE_KERNEL_NAMESPACE
