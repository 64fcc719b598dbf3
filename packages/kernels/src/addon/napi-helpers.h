// The few Node-API idioms that the addon needs. C interface, no exceptions: a failed call leaves a pending JavaScript exception.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <string>

namespace whittle::addon {

// Whether a call went well; otherwise throws its message in JavaScript (unless an exception is pending already).
inline bool ok(napi_env env, napi_status status) {
  if (status == napi_ok) return true;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) {
    const napi_extended_error_info* info = nullptr;
    napi_get_last_error_info(env, &info);
    napi_throw_error(env, nullptr, info && info->error_message ? info->error_message : "Node-API call failed");
  }
  return false;
}

template <size_t Count>
struct Arguments {
  napi_value values[Count] = {};
  void* data = nullptr;
  size_t given = Count;

  bool read(napi_env env, napi_callback_info info) {
    if (!ok(env, napi_get_cb_info(env, info, &given, values, nullptr, &data))) return false;
    if (given >= Count) return true;
    napi_throw_type_error(env, nullptr, "too few arguments");
    return false;
  }
};

inline bool toDouble(napi_env env, napi_value value, double& number) {
  return ok(env, napi_get_value_double(env, value, &number));
}

inline bool toCount(napi_env env, napi_value value, size_t& count) {
  double number;
  if (!toDouble(env, value, number)) return false;
  count = static_cast<size_t>(number);
  return true;
}

inline bool toString(napi_env env, napi_value value, std::string& text) {
  size_t length;
  if (!ok(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length))) return false;
  text.resize(length + 1);
  if (!ok(env, napi_get_value_string_utf8(env, value, text.data(), text.size(), &length))) return false;
  text.resize(length);
  return true;
}

inline napi_value makeNumber(napi_env env, double number) {
  napi_value value = nullptr;
  napi_create_double(env, number, &value);
  return value;
}

inline napi_value makeString(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

}  // namespace whittle::addon
