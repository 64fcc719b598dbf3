// A stream on a device of its own choice, for as long as it is held.
#pragma once

#include "cuda-error.h"

namespace whittle::cuda {

class Stream {
 public:
  // Throws CudaError. The calling thread stays on the device.
  explicit Stream(int device) {
    check(cudaSetDevice(device), "the device");
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "a stream");
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }

  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

}  // namespace whittle::cuda
