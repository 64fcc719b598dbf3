// A device as one JavaScript environment holds it.
#pragma once

#include <node_api.h>

#include <functional>
#include <memory>

#include "../runtime/queue.h"

namespace whittle::addon {

// Owns the queue, the thread-safe function that reports reads, and a hold on the command buffer. Closed by JavaScript, by the end of
// its environment, or when JavaScript has lost it.
class DeviceHandle {
 public:
  // Makes the queue, which calls `onFinished` when reads have ended; what it throws becomes a JavaScript exception.
  using MakeQueue = std::function<std::unique_ptr<Queue>(std::function<void()> onFinished)>;

  // As a JavaScript value that owns it; null, with a pending exception, if it cannot be made. `buffer` is the Float64Array of commands, `onReads` is
  // called with a flat array [ticket, op or null, reason or null, …].
  static napi_value open(napi_env env, napi_value buffer, napi_value onReads, const MakeQueue& make);
  // Null, with a pending exception, if the value is none or the device was closed.
  static DeviceHandle* of(napi_env env, napi_value value);
  ~DeviceHandle();

  Queue& queue() { return *queue_; }
  double* words() { return words_; }
  size_t capacity() const { return capacity_; }

  // A read is recorded; while one is pending the process stays alive.
  void expectRead();
  // Native bytes that JavaScript's garbage collector should know of.
  void report(int64_t bytes);
  void close();

 private:
  explicit DeviceHandle(napi_env env) : env_(env) {}
  bool start(napi_value buffer, napi_value onReads, const MakeQueue& make);
  static void onReadsFinished(napi_env env, napi_value callback, void* context, void* data);
  static void onEnvironmentEnd(void* self);
  void deliver(napi_env env, napi_value callback);

  napi_env env_;
  napi_threadsafe_function notify_ = nullptr;
  napi_ref buffer_ = nullptr;
  double* words_ = nullptr;
  size_t capacity_ = 0;
  size_t pendingReads_ = 0;
  int64_t reported_ = 0;
  std::unique_ptr<Queue> queue_;
};

}  // namespace whittle::addon
