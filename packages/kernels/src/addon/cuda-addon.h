// The addon's functions for CUDA devices; the device itself is in a shared object of its own, which is opened on demand.
#pragma once

#include <node_api.h>

namespace whittle::addon {

// openCuda(library, device, buffer, onReads): handle
napi_value openCuda(napi_env env, napi_callback_info info);
// cudaDevices(library): [{ name, capability, memoryBytes }, …]
napi_value cudaDevices(napi_env env, napi_callback_info info);
// cudaFreeBytes(library, device): memory that nobody has taken now
napi_value cudaFreeBytes(napi_env env, napi_callback_info info);

}  // namespace whittle::addon
