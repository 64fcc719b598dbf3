#include "memory.h"

#include <algorithm>
#include <stdexcept>

namespace whittle::cuda {

void require(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

// An empty tensor has an address too.
DeviceBytes::DeviceBytes(size_t bytes) : size_(bytes) {
  require(cudaMalloc(&data_, std::max<size_t>(1, bytes)), "device memory");
  require(cudaMemset(data_, 0xff, bytes), "poison");
}

DeviceBytes::~DeviceBytes() {
  cudaFree(data_);
}

void DeviceBytes::upload(const void* source, size_t bytes) {
  require(cudaMemcpy(data_, source, std::min(bytes, size_), cudaMemcpyHostToDevice), "upload");
}

void DeviceBytes::download(void* destination) const {
  require(cudaMemcpy(destination, data_, size_, cudaMemcpyDeviceToHost), "download");
}

void* CaseScratch::take(size_t bytes) {
  taken_.push_back(std::make_unique<DeviceBytes>(bytes));
  return taken_.back()->data();
}

}  // namespace whittle::cuda
