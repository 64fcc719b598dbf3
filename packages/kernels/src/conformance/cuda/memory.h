// Device memory of one case.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "../../cuda/kernel.cuh"

namespace whittle::cuda {

// Exactly as many bytes, all set to 0xff: what a kernel forgets to write shows as NaN or as an absurd integer, and a sanitizer sees the
// first byte beyond.
class DeviceBytes {
 public:
  explicit DeviceBytes(size_t bytes);
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;
  ~DeviceBytes();

  void* data() const { return data_; }
  size_t size() const { return size_; }
  void upload(const void* source, size_t bytes);
  void download(void* destination) const;

 private:
  void* data_ = nullptr;
  const size_t size_;
};

// What an op takes lives until the case is over, since a captured launch holds its address.
class CaseScratch final : public Scratch {
 public:
  void* take(size_t bytes) override;
  unsigned* tickets() override;
  // Whether those who used the tickets left them as they were.
  bool ticketsLeft() const;

 private:
  std::vector<std::unique_ptr<DeviceBytes>> taken_;
  std::unique_ptr<DeviceBytes> tickets_;
};

}  // namespace whittle::cuda
