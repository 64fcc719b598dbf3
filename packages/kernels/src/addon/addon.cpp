// The addon's functions. JavaScript's twin with their types is `src/addon.ts`; only it calls them, so arguments are checked for kind, not
// for sense.
#include <dlfcn.h>
#include <node_api.h>

#include <memory>
#include <utility>

#include "../runtime/executor.h"
#include "../runtime/isa.h"
#include "cuda-addon.h"
#include "device-handle.h"
#include "napi-helpers.h"

namespace whittle::addon {

namespace {

// Raised with every change of the commands or of these functions: a stale build is refused instead of misread.
constexpr double interfaceVersion = 5;

// open(isa, threads, buffer, onReads): handle
napi_value open(napi_env env, napi_callback_info info) {
  Arguments<4> args;
  double isa, threads;
  if (!args.read(env, info) || !toDouble(env, args.values[0], isa) || !toDouble(env, args.values[1], threads)) return nullptr;
  return DeviceHandle::open(env, args.values[2], args.values[3], [&](std::function<void()> onFinished) {
    return std::make_unique<Executor>(static_cast<Isa>(static_cast<int32_t>(isa)), static_cast<int32_t>(threads), std::move(onFinished));
  });
}

// kernels(handle): the op of each kernel, by its number
napi_value kernels(napi_env env, napi_callback_info info) {
  Arguments<1> args;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  if (!handle) return nullptr;
  napi_value list = nullptr;
  if (!ok(env, napi_create_array(env, &list))) return nullptr;
  uint32_t index = 0;
  for (const std::string& op : handle->queue().ops()) napi_set_element(env, list, index++, makeString(env, op));
  return list;
}

// flush(handle, count): queues the first words of the command buffer
napi_value flush(napi_env env, napi_callback_info info) {
  Arguments<2> args;
  size_t count;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  if (handle && toCount(env, args.values[1], count)) handle->queue().submit(handle->words(), count);
  return nullptr;
}

// read(handle, count, destination): as flush; the last command is a read, whose last word becomes the address of the ArrayBuffer
napi_value read(napi_env env, napi_callback_info info) {
  Arguments<3> args;
  size_t count, bytes;
  void* destination = nullptr;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  if (!handle || !toCount(env, args.values[1], count) || !ok(env, napi_get_arraybuffer_info(env, args.values[2], &destination, &bytes)))
    return nullptr;
  handle->words()[count - 1] = static_cast<double>(reinterpret_cast<uintptr_t>(destination));
  handle->expectRead();
  handle->queue().submit(handle->words(), count);
  return nullptr;
}

// write(handle, count, address, bytes): as flush, then a copy of a Uint8Array of any size
napi_value write(napi_env env, napi_callback_info info) {
  Arguments<4> args;
  size_t count, length;
  double address;
  void* source = nullptr;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  if (!handle || !toCount(env, args.values[1], count) || !toDouble(env, args.values[2], address) ||
      !ok(env, napi_get_typedarray_info(env, args.values[3], nullptr, &length, &source, nullptr, nullptr))) {
    return nullptr;
  }
  handle->queue().submit(handle->words(), count);
  try {
    handle->queue().submitWrite(reinterpret_cast<void*>(static_cast<uintptr_t>(address)), source, length);
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, nullptr, "no memory for the copy of what is written");
  }
  return nullptr;
}

// allocate(handle, bytes): address, 0 when the system refuses
napi_value allocate(napi_env env, napi_callback_info info) {
  Arguments<2> args;
  size_t bytes;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  if (!handle || !toCount(env, args.values[1], bytes)) return nullptr;
  void* address = handle->queue().allocate(bytes);
  if (address) handle->report(static_cast<int64_t>(bytes));
  return makeNumber(env, static_cast<double>(reinterpret_cast<uintptr_t>(address)));
}

// released(handle, bytes): so much of what was allocated is on its way back
napi_value released(napi_env env, napi_callback_info info) {
  Arguments<2> args;
  size_t bytes;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  if (handle && toCount(env, args.values[1], bytes)) handle->report(-static_cast<int64_t>(bytes));
  return nullptr;
}

// mapFile(handle, descriptor, bytes): address, 0 when the system refuses
napi_value mapFile(napi_env env, napi_callback_info info) {
  Arguments<3> args;
  double descriptor;
  size_t bytes;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  if (!handle || !toDouble(env, args.values[1], descriptor) || !toCount(env, args.values[2], bytes)) return nullptr;
  void* address = handle->queue().mapFile(static_cast<int>(descriptor), bytes);
  return makeNumber(env, static_cast<double>(reinterpret_cast<uintptr_t>(address)));
}

// replayCounts(handle): [eager, captured, replayed]
napi_value replayCounts(napi_env env, napi_callback_info info) {
  Arguments<1> args;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  if (!handle) return nullptr;
  const ReplayCounts counts = handle->queue().replayCounts();
  napi_value list = nullptr;
  if (!ok(env, napi_create_array(env, &list))) return nullptr;
  uint32_t index = 0;
  for (const uint64_t count : {counts.eager, counts.captured, counts.replayed}) {
    napi_set_element(env, list, index++, makeNumber(env, static_cast<double>(count)));
  }
  return list;
}

// kernelTimes(handle): [nanoseconds, calls], counted from the first call of this on
napi_value kernelTimes(napi_env env, napi_callback_info info) {
  Arguments<1> args;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  if (!handle) return nullptr;
  const KernelTimes times = handle->queue().kernelTimes();
  napi_value list = nullptr;
  if (!ok(env, napi_create_array_with_length(env, 2, &list))) return nullptr;
  napi_set_element(env, list, 0, makeNumber(env, static_cast<double>(times.nanoseconds)));
  napi_set_element(env, list, 1, makeNumber(env, static_cast<double>(times.calls)));
  return list;
}

// keepsPrograms(handle)
napi_value keepsPrograms(napi_env env, napi_callback_info info) {
  Arguments<1> args;
  if (!args.read(env, info)) return nullptr;
  DeviceHandle* handle = DeviceHandle::of(env, args.values[0]);
  napi_value keeps = nullptr;
  if (handle) napi_get_boolean(env, handle->queue().keepsPrograms(), &keeps);
  return keeps;
}

// close(handle)
napi_value close(napi_env env, napi_callback_info info) {
  Arguments<1> args;
  if (!args.read(env, info)) return nullptr;
  if (DeviceHandle* handle = DeviceHandle::of(env, args.values[0])) handle->close();
  return nullptr;
}

// When the last environment that loaded it ends, Node would unload the addon under the feet of the pool's threads.
void stayLoaded() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&stayLoaded), &self) && self.dli_fname) dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

napi_value initialise(napi_env env, napi_value exports) {
  stayLoaded();
  const struct {
    const char* name;
    napi_callback callback;
  } functions[] = {{"open", open},
                   {"openCuda", openCuda},
                   {"cudaDevices", cudaDevices},
                   {"cudaFreeBytes", cudaFreeBytes},
                   {"kernels", kernels},
                   {"flush", flush},
                   {"read", read},
                   {"write", write},
                   {"close", close},
                   {"replayCounts", replayCounts},
                   {"kernelTimes", kernelTimes},
                   {"keepsPrograms", keepsPrograms},
                   {"allocate", allocate},
                   {"released", released},
                   {"mapFile", mapFile}};
  for (const auto& [name, callback] : functions) {
    napi_value function = nullptr;
    if (!ok(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function))) return nullptr;
    if (!ok(env, napi_set_named_property(env, exports, name, function))) return nullptr;
  }
  // The instruction sets by number; those that cannot run here are null.
  napi_value isas = nullptr, null = nullptr;
  napi_create_array(env, &isas);
  napi_get_null(env, &null);
  for (Isa isa : allIsas) napi_set_element(env, isas, static_cast<uint32_t>(isa), runsHere(isa) ? makeString(env, nameOf(isa)) : null);
  napi_set_named_property(env, exports, "isas", isas);
  napi_set_named_property(env, exports, "bestIsa", makeNumber(env, static_cast<double>(bestIsa())));
  napi_set_named_property(env, exports, "interfaceVersion", makeNumber(env, interfaceVersion));
  return exports;
}

}  // namespace

}  // namespace whittle::addon

NAPI_MODULE_INIT() {
  return whittle::addon::initialise(env, exports);
}
