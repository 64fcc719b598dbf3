// A device's memory as the operating system sees it.
#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_map>

namespace whittle {

// Pages taken for a device's pool and files mapped for it. Safe from several threads. What is left at the end is given back.
class DeviceMemory {
 public:
  DeviceMemory() = default;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  ~DeviceMemory();

  // At least 4 KiB aligned; null when the system refuses. Pages cost memory when first written, which happens in queue order.
  void* allocate(size_t bytes);
  // Read-only. Null when the system refuses.
  void* mapFile(int descriptor, size_t bytes);
  // Either kind.
  void release(void* address);

 private:
  void* remember(void* address, size_t bytes);

  std::mutex mutex_;
  std::unordered_map<void*, size_t> pieces_;
};

}  // namespace whittle
