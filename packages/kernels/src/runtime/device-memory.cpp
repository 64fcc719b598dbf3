#include "device-memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace whittle {

namespace {

// Where a huge page can begin.
constexpr size_t hugePage = size_t{2} << 20;

}  // namespace

DeviceMemory::~DeviceMemory() {
  for (auto& [address, bytes] : pieces_) munmap(address, bytes);
}

void* DeviceMemory::allocate(size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  bytes = (bytes + page - 1) / page * page;
  // Ask for more and cut off the ends, so that a large piece begins where a huge page can.
  const size_t slack = bytes >= hugePage ? hugePage : 0;
  void* raw = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  auto* base = static_cast<uint8_t*>(raw);
  if (slack > 0) {
    const size_t before = (hugePage - reinterpret_cast<uintptr_t>(base) % hugePage) % hugePage;
    if (before > 0) munmap(base, before);
    base += before;
    if (slack > before) munmap(base + bytes, slack - before);
#if defined(MADV_HUGEPAGE)
    madvise(base, bytes, MADV_HUGEPAGE);
#endif
  }
  return remember(base, bytes);
}

void* DeviceMemory::mapFile(int descriptor, size_t bytes) {
  void* address = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor, 0);
  return address == MAP_FAILED ? nullptr : remember(address, bytes);
}

void DeviceMemory::release(void* address) {
  size_t bytes = 0;
  {
    std::lock_guard lock(mutex_);
    auto piece = pieces_.find(address);
    if (piece == pieces_.end()) return;
    bytes = piece->second;
    pieces_.erase(piece);
  }
  munmap(address, bytes);
}

void* DeviceMemory::remember(void* address, size_t bytes) {
  std::lock_guard lock(mutex_);
  pieces_[address] = bytes;
  return address;
}

}  // namespace whittle
