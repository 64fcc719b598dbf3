// The process-wide pool of worker threads that kernels share their loops over.
#pragma once

#include <cstdint>
#include <type_traits>

namespace whittle {

class Workers {
 public:
  virtual ~Workers() = default;

  // Threads that may take part, the caller included.
  virtual int32_t threads() const = 0;

  // Calls body(begin, end) for parts of [0, count) of at least `grain` items (the last may be smaller), in parallel; returns when all are
  // done. The partition must never change a result: what is summed within an item is summed in an order of its own.
  template <typename Body>
  void parallelFor(int64_t count, int64_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run(
        count, grain, [](void* context, int64_t begin, int64_t end) { (*static_cast<Plain*>(context))(begin, end); },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 protected:
  using Part = void (*)(void* context, int64_t begin, int64_t end);
  virtual void run(int64_t count, int64_t grain, Part part, void* context) = 0;
};

}  // namespace whittle
