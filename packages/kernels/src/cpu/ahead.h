// Memory that is asked for before it is read.
#pragma once

#include "vec.h"

namespace WHITTLE_KERNEL_NAMESPACE {

// Bytes that are wanted soon, asked for a step at a time: in the order of addresses, since memory gives one stream faster than sixteen, and
// evenly, so that memory is never idle.
class Ahead {
 public:
  Ahead(const void* from, int64_t step) : at_(static_cast<const char*>(from)), step_(step) {}
  WHITTLE_INLINE void fetch() {
#pragma GCC unroll 16
    for (int64_t i = 0; i < step_; i += 64) __builtin_prefetch(at_ + i);
    at_ += step_;
  }

 private:
  const char* at_;
  int64_t step_;
};

}  // namespace WHITTLE_KERNEL_NAMESPACE
