#include "growing-scratch.h"

#include <algorithm>

namespace whittle::cuda {

namespace {

constexpr size_t smallest = size_t{1} << 20;

}  // namespace

GrowingScratch::~GrowingScratch() {
  if (data_) cudaFree(data_);
  if (tickets_) cudaFree(tickets_);
}

void* GrowingScratch::take(size_t bytes) {
  if (bytes <= bytes_ && data_) return data_;
  if (frozen_) return nullptr;
  // By half at least, so that a context that grows row by row does not ask each time.
  for (const size_t size : {std::max({bytes, bytes_ + bytes_ / 2, smallest}), bytes}) {
    void* larger = nullptr;
    if (cudaMalloc(&larger, size) == cudaSuccess) {
      if (data_) retire_(data_);
      data_ = larger;
      bytes_ = size;
      return data_;
    }
    cudaGetLastError();
  }
  return nullptr;
}

unsigned* GrowingScratch::tickets() {
  if (tickets_ || frozen_) return tickets_;
  void* address = nullptr;
  constexpr size_t bytes = ticketCount * sizeof(unsigned);
  // The stream of the launches does not wait for the default one: this thread does.
  if (cudaMalloc(&address, bytes) == cudaSuccess && cudaMemset(address, 0, bytes) == cudaSuccess && cudaStreamSynchronize(nullptr) == cudaSuccess) {
    tickets_ = static_cast<unsigned*>(address);
  } else {
    cudaGetLastError();
    cudaFree(address);
  }
  return tickets_;
}

}  // namespace whittle::cuda
