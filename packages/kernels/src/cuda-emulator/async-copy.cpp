#include "async-copy.h"

#include <cstring>

namespace whittle::cuda::emulator {

namespace {

constexpr size_t copyBytes = 16;

}  // namespace

void AsyncCopies::begin(void* destination, const void* source) {
  std::memset(destination, 0xff, copyBytes);
  copies_.push_back({destination, source});
}

void AsyncCopies::endGroup() {
  groups_.push_back(copies_.size());
}

void AsyncCopies::wait(size_t left) {
  if (groups_.size() <= left) return;
  const size_t ended = groups_.size() - left;
  const size_t count = groups_[ended - 1];
  for (size_t i = 0; i < count; i++) {
    if (copies_[i].source) {
      std::memcpy(copies_[i].destination, copies_[i].source, copyBytes);
    } else {
      std::memset(copies_[i].destination, 0, copyBytes);
    }
  }
  copies_.erase(copies_.begin(), copies_.begin() + static_cast<std::ptrdiff_t>(count));
  groups_.erase(groups_.begin(), groups_.begin() + static_cast<std::ptrdiff_t>(ended));
  for (size_t& end : groups_) end -= count;
}

void AsyncCopies::clear() {
  copies_.clear();
  groups_.clear();
}

}  // namespace whittle::cuda::emulator
