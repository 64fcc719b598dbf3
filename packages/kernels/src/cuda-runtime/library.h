// What the addon finds in whittle-cuda.so: a table of functions. No CUDA here, so that the addon needs none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "../runtime/queue.h"

namespace whittle {

struct CudaDeviceInfo {
  char name[256];
  // Compute capability, 90 for 9.0.
  int32_t capability;
  uint64_t memoryBytes;
};

// Where a call fails it fills `message`.
struct CudaLibrary {
  int32_t version;
  // Null: there is no such device, or it cannot be opened. `onFinished` is called on a thread of the queue when finished reads wait and none did before.
  Queue* (*open)(int32_t device, std::function<void()> onFinished, char* message, size_t messageSize);
  // How many devices there are; negative: none can be used.
  int32_t (*count)(char* message, size_t messageSize);
  bool (*describe)(int32_t device, CudaDeviceInfo& info, char* message, size_t messageSize);
  // Memory that nobody has taken now; negative: the device cannot be used. Prepares the device for use, which takes its time.
  int64_t (*freeBytes)(int32_t device, char* message, size_t messageSize);
};

// Raised with every change of the commands, of `Queue` or of this table.
constexpr int32_t cudaLibraryVersion = 2;
constexpr const char* cudaLibrarySymbol = "whittleCudaLibrary";
using CudaLibraryFunction = const CudaLibrary* (*)();

}  // namespace whittle
