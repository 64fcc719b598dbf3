// Streams, and what is captured from them.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "runtime.h"

struct EmulatedGraph {
  std::vector<std::function<cudaError_t()>> work;
};

struct EmulatedProgram {
  std::vector<std::function<cudaError_t()>> work;
};

struct EmulatedStream {
  // Set while the stream is captured.
  std::unique_ptr<EmulatedGraph> capture;
  // Whether the capture forbids what waits for the device or allocates memory.
  bool forbids = false;
};

namespace whittle::cuda::emulator {

// Whether this thread captures a stream in a mode that forbids what waits for the device or allocates memory.
bool isCapturing();

}  // namespace whittle::cuda::emulator
