#include "device-handle.h"

#include <exception>

#include "napi-helpers.h"

namespace whittle::addon {

DeviceHandle* DeviceHandle::open(napi_env env, Isa isa, int32_t threads, napi_value buffer, napi_value onReads) {
  std::unique_ptr<DeviceHandle> self(new DeviceHandle(env));
  napi_typedarray_type type;
  void* data = nullptr;
  if (!ok(env, napi_get_typedarray_info(env, buffer, &type, &self->capacity_, &data, nullptr, nullptr))) return nullptr;
  if (type != napi_float64_array) {
    napi_throw_type_error(env, nullptr, "the command buffer must be a Float64Array");
    return nullptr;
  }
  self->words_ = static_cast<double*>(data);
  if (!ok(env, napi_create_reference(env, buffer, 1, &self->buffer_))) return nullptr;

  napi_value name = makeString(env, "whittle.device");
  if (!ok(env, napi_create_threadsafe_function(env, onReads, nullptr, name, 0, 1, nullptr, nullptr, self.get(), onReadsFinished,
                                               &self->notify_)))
    return nullptr;
  // Only a pending read keeps the process alive.
  if (!ok(env, napi_unref_threadsafe_function(env, self->notify_))) return nullptr;
  try {
    napi_threadsafe_function notify = self->notify_;
    self->executor_ =
        std::make_unique<Executor>(isa, threads, [notify] { napi_call_threadsafe_function(notify, nullptr, napi_tsfn_nonblocking); });
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
  // Hooks run last-in first-out: ours joins the executor before the thread-safe function that it calls is gone.
  napi_add_env_cleanup_hook(env, onEnvironmentEnd, self.get());
  return self.release();
}

DeviceHandle::~DeviceHandle() {
  if (executor_) {
    close();
    return;
  }
  // Closed already, or never opened far enough.
  if (notify_) napi_release_threadsafe_function(notify_, napi_tsfn_abort);
  if (buffer_) napi_delete_reference(env_, buffer_);
}

void DeviceHandle::expectRead() {
  if (pendingReads_++ == 0) napi_ref_threadsafe_function(env_, notify_);
}

void DeviceHandle::report(int64_t bytes) {
  int64_t total;
  if (napi_adjust_external_memory(env_, bytes, &total) == napi_ok) reported_ += bytes;
}

void DeviceHandle::close() {
  if (!executor_) return;
  napi_remove_env_cleanup_hook(env_, onEnvironmentEnd, this);
  executor_.reset();
  report(-reported_);
  napi_release_threadsafe_function(notify_, napi_tsfn_abort);
  notify_ = nullptr;
  napi_delete_reference(env_, buffer_);
  buffer_ = nullptr;
}

void DeviceHandle::onEnvironmentEnd(void* self) {
  static_cast<DeviceHandle*>(self)->close();
}

void DeviceHandle::onReadsFinished(napi_env env, napi_value callback, void* context, void*) {
  // Without an environment the call is only being thrown away, and the handle may be gone.
  if (env == nullptr || callback == nullptr) return;
  static_cast<DeviceHandle*>(context)->deliver(env, callback);
}

void DeviceHandle::deliver(napi_env env, napi_value callback) {
  if (!executor_) return;
  const std::vector<FinishedRead> reads = executor_->takeFinished();
  if (reads.empty()) return;
  pendingReads_ -= reads.size();
  if (pendingReads_ == 0) napi_unref_threadsafe_function(env, notify_);

  napi_value null, receiver, list;
  if (!ok(env, napi_get_null(env, &null)) || !ok(env, napi_get_undefined(env, &receiver))) return;
  if (!ok(env, napi_create_array_with_length(env, reads.size() * 3, &list))) return;
  uint32_t index = 0;
  for (const FinishedRead& read : reads) {
    napi_set_element(env, list, index++, makeNumber(env, read.ticket));
    napi_set_element(env, list, index++, read.failure ? makeString(env, read.failure->op) : null);
    napi_set_element(env, list, index++, read.failure ? makeString(env, read.failure->reason) : null);
  }
  napi_call_function(env, receiver, callback, 1, &list, nullptr);
}

}  // namespace whittle::addon
