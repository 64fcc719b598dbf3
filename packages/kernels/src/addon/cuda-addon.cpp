#include "cuda-addon.h"

#include <dlfcn.h>

#include <stdexcept>
#include <string>

#include "../cuda-runtime/library.h"
#include "device-handle.h"
#include "napi-helpers.h"

namespace whittle::addon {

namespace {

// Null, with a pending exception, when it cannot be used. It stays loaded: its threads may outlive their environment.
const CudaLibrary* libraryAt(napi_env env, napi_value path) {
  std::string file;
  if (!toString(env, path, file)) return nullptr;
  void* object = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!object) {
    napi_throw_error(env, nullptr, dlerror());
    return nullptr;
  }
  const auto function = reinterpret_cast<CudaLibraryFunction>(dlsym(object, cudaLibrarySymbol));
  const CudaLibrary* library = function ? function() : nullptr;
  if (library && library->version == cudaLibraryVersion) return library;
  napi_throw_error(env, nullptr, (file + " is of another version than this addon").c_str());
  return nullptr;
}

}  // namespace

napi_value openCuda(napi_env env, napi_callback_info info) {
  Arguments<4> args;
  double device;
  if (!args.read(env, info)) return nullptr;
  const CudaLibrary* library = libraryAt(env, args.values[0]);
  if (!library || !toDouble(env, args.values[1], device)) return nullptr;
  return DeviceHandle::open(env, args.values[2], args.values[3], [&](std::function<void()> onFinished) {
    char message[512] = "";
    std::unique_ptr<Queue> queue(library->open(static_cast<int32_t>(device), std::move(onFinished), message, sizeof(message)));
    if (!queue) throw std::runtime_error(message);
    return queue;
  });
}

napi_value cudaDevices(napi_env env, napi_callback_info info) {
  Arguments<1> args;
  if (!args.read(env, info)) return nullptr;
  const CudaLibrary* library = libraryAt(env, args.values[0]);
  if (!library) return nullptr;
  char message[512] = "";
  const int32_t count = library->count(message, sizeof(message));
  napi_value list = nullptr;
  if (count >= 0 && !ok(env, napi_create_array(env, &list))) return nullptr;
  for (int32_t device = 0; device < count; device++) {
    CudaDeviceInfo description;
    if (!library->describe(device, description, message, sizeof(message))) {
      napi_throw_error(env, nullptr, message);
      return nullptr;
    }
    napi_value entry = nullptr;
    if (!ok(env, napi_create_object(env, &entry))) return nullptr;
    napi_set_named_property(env, entry, "name", makeString(env, description.name));
    napi_set_named_property(env, entry, "capability", makeNumber(env, description.capability / 10.0));
    napi_set_named_property(env, entry, "memoryBytes", makeNumber(env, static_cast<double>(description.memoryBytes)));
    napi_set_element(env, list, static_cast<uint32_t>(device), entry);
  }
  if (count < 0) napi_throw_error(env, nullptr, message);
  return list;
}

napi_value cudaFreeBytes(napi_env env, napi_callback_info info) {
  Arguments<2> args;
  double device;
  if (!args.read(env, info)) return nullptr;
  const CudaLibrary* library = libraryAt(env, args.values[0]);
  if (!library || !toDouble(env, args.values[1], device)) return nullptr;
  char message[512] = "";
  const int64_t bytes = library->freeBytes(static_cast<int32_t>(device), message, sizeof(message));
  if (bytes >= 0) return makeNumber(env, static_cast<double>(bytes));
  napi_throw_error(env, nullptr, message);
  return nullptr;
}

}  // namespace whittle::addon
