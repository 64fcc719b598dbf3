#include "memory.h"

#include <algorithm>

#include "../../cuda-runtime/cuda-error.h"

namespace whittle::cuda {

// An empty tensor has an address too.
DeviceBytes::DeviceBytes(size_t bytes) : size_(bytes) {
  check(cudaMalloc(&data_, std::max<size_t>(1, bytes)), "device memory");
  check(cudaMemset(data_, 0xff, bytes), "poison");
}

DeviceBytes::~DeviceBytes() {
  cudaFree(data_);
}

void DeviceBytes::upload(const void* source, size_t bytes) {
  check(cudaMemcpy(data_, source, std::min(bytes, size_), cudaMemcpyHostToDevice), "upload");
}

void DeviceBytes::download(void* destination) const {
  check(cudaMemcpy(destination, data_, size_, cudaMemcpyDeviceToHost), "download");
}

void* CaseScratch::take(size_t bytes) {
  taken_.push_back(std::make_unique<DeviceBytes>(bytes));
  return taken_.back()->data();
}

unsigned* CaseScratch::tickets() {
  if (!tickets_) {
    const std::vector<unsigned> zeros(ticketCount);
    tickets_ = std::make_unique<DeviceBytes>(ticketCount * sizeof(unsigned));
    tickets_->upload(zeros.data(), tickets_->size());
  }
  return static_cast<unsigned*>(tickets_->data());
}

bool CaseScratch::ticketsLeft() const {
  if (!tickets_) return true;
  std::vector<unsigned> left(ticketCount);
  tickets_->download(left.data());
  return std::count(left.begin(), left.end(), 0u) == ticketCount;
}

}  // namespace whittle::cuda
