#include "device-handle.h"

#include <exception>

#include "napi-helpers.h"

namespace whittle::addon {

napi_value DeviceHandle::open(napi_env env, napi_value buffer, napi_value onReads, const MakeQueue& make) {
  std::unique_ptr<DeviceHandle> self(new DeviceHandle(env));
  if (!self->start(buffer, onReads, make)) return nullptr;
  napi_value external = nullptr;
  const auto finalize = [](napi_env, void* data, void*) { delete static_cast<DeviceHandle*>(data); };
  if (!ok(env, napi_create_external(env, self.get(), finalize, nullptr, &external))) return nullptr;
  self.release();
  return external;
}

DeviceHandle* DeviceHandle::of(napi_env env, napi_value value) {
  void* data = nullptr;
  if (!ok(env, napi_get_value_external(env, value, &data))) return nullptr;
  auto* handle = static_cast<DeviceHandle*>(data);
  if (handle->queue_) return handle;
  napi_throw_error(env, nullptr, "the device was closed");
  return nullptr;
}

bool DeviceHandle::start(napi_value buffer, napi_value onReads, const MakeQueue& make) {
  napi_typedarray_type type;
  void* data = nullptr;
  if (!ok(env_, napi_get_typedarray_info(env_, buffer, &type, &capacity_, &data, nullptr, nullptr))) return false;
  if (type != napi_float64_array) {
    napi_throw_type_error(env_, nullptr, "the command buffer must be a Float64Array");
    return false;
  }
  words_ = static_cast<double*>(data);
  if (!ok(env_, napi_create_reference(env_, buffer, 1, &buffer_))) return false;

  napi_value name = makeString(env_, "whittle.device");
  if (!ok(env_, napi_create_threadsafe_function(env_, onReads, nullptr, name, 0, 1, nullptr, nullptr, this, onReadsFinished, &notify_))) return false;
  // Only a pending read keeps the process alive.
  if (!ok(env_, napi_unref_threadsafe_function(env_, notify_))) return false;
  try {
    napi_threadsafe_function notify = notify_;
    queue_ = make([notify] { napi_call_threadsafe_function(notify, nullptr, napi_tsfn_nonblocking); });
  } catch (const std::exception& error) {
    napi_throw_error(env_, nullptr, error.what());
    return false;
  }
  // Hooks run last-in first-out: ours joins the queue before the thread-safe function that it calls is gone.
  napi_add_env_cleanup_hook(env_, onEnvironmentEnd, this);
  return true;
}

DeviceHandle::~DeviceHandle() {
  if (queue_) {
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
  if (!queue_) return;
  napi_remove_env_cleanup_hook(env_, onEnvironmentEnd, this);
  queue_.reset();
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
  if (!queue_) return;
  const std::vector<FinishedRead> reads = queue_->takeFinished();
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
