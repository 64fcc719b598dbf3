#include "completions.h"

#include <utility>

#include "../runtime/spin.h"
#include "cuda-error.h"

namespace whittle::cuda {

namespace {

// A read that ends so soon is met awake; for others the thread sleeps until the driver wakes it, some 20 µs late.
constexpr std::chrono::microseconds completionSpin{50};

}  // namespace

Completions::Completions(int device, Loss& loss) : device_(device), loss_(loss), thread_([this] { work(); }) {}

Completions::~Completions() {
  close();
  for (cudaEvent_t event : freeEvents_) cudaEventDestroy(event);
}

void Completions::push(cudaStream_t stream, std::function<void()> then) {
  cudaEvent_t event = nullptr;
  if (!loss_) {
    try {
      event = takeEvent();
      check(cudaEventRecord(event, stream), "an event");
    } catch (const CudaError& error) {
      loss_.declare(error.what());
    }
  }
  {
    std::lock_guard lock(mutex_);
    items_.push_back({event, std::move(then)});
    waiting_.fetch_add(1, std::memory_order_release);
  }
  arrived_.notify_one();
}

void Completions::close() {
  {
    std::lock_guard lock(mutex_);
    closing_.store(true);
  }
  arrived_.notify_one();
  if (thread_.joinable()) thread_.join();
}

cudaEvent_t Completions::takeEvent() {
  {
    std::lock_guard lock(mutex_);
    if (!freeEvents_.empty()) {
      cudaEvent_t event = freeEvents_.back();
      freeEvents_.pop_back();
      return event;
    }
  }
  cudaEvent_t event;
  check(cudaEventCreateWithFlags(&event, cudaEventBlockingSync | cudaEventDisableTiming), "an event");
  return event;
}

void Completions::work() {
  cudaSetDevice(device_);
  for (;;) {
    Item item;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return !items_.empty() || closing_.load(); });
      if (items_.empty()) return;
      item = std::move(items_.front());
      items_.pop_front();
    }
    if (item.event && !loss_) wait(item.event);
    item.then();
    std::lock_guard lock(mutex_);
    if (item.event) freeEvents_.push_back(item.event);
    waiting_.fetch_sub(1, std::memory_order_release);
  }
}

void Completions::wait(cudaEvent_t event) {
  cudaError_t status = cudaErrorNotReady;
  const bool soon = spinUntil(completionSpin, [&] { return (status = cudaEventQuery(event)) != cudaErrorNotReady; });
  if (!soon) status = cudaEventSynchronize(event);
  if (status != cudaSuccess) loss_.declare(cudaGetErrorString(status));
}

}  // namespace whittle::cuda
