// Working memory of the ops, one after another.
#pragma once

#include <functional>

#include "../cuda/kernel.cuh"

namespace whittle::cuda {

// Grows to the largest request and stays so. For the queue's thread.
class GrowingScratch final : public Scratch {
 public:
  // `retire` is called with memory that gave way to a larger piece and may still be in use by what was launched; programs hold its address.
  using Retire = std::function<void(void* address)>;

  explicit GrowingScratch(Retire retire) : retire_(std::move(retire)) {}
  GrowingScratch(const GrowingScratch&) = delete;
  GrowingScratch& operator=(const GrowingScratch&) = delete;
  ~GrowingScratch();

  void* take(size_t bytes) override;
  unsigned* tickets() override;
  // While the stream is captured no memory can be had.
  void freeze(bool frozen) { frozen_ = frozen; }

 private:
  const Retire retire_;
  void* data_ = nullptr;
  size_t bytes_ = 0;
  unsigned* tickets_ = nullptr;
  bool frozen_ = false;
};

}  // namespace whittle::cuda
