// Runs a case on a CUDA kernel and judges what comes out.
#pragma once

#include <string>

#include "../../cuda-runtime/kernel-registry.h"
#include "../judge.h"

namespace whittle::cuda {

// A device to replay cases on: the first there is.
class Replayer {
 public:
  // Throws std::runtime_error.
  Replayer();
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;
  ~Replayer();

  const std::string& device() const { return name_; }
  // Runs the case once as it is and once from a graph; why it does not pass, or an empty string. Throws std::runtime_error when the device
  // fails.
  std::string check(const conformance::Case& item, Kernel kernel);

 private:
  enum class How { launched, captured };

  conformance::Outcome replay(const conformance::Case& item, Kernel kernel, How how);

  std::string name_;
  Machine machine_;
  cudaStream_t stream_ = nullptr;
};

}  // namespace whittle::cuda
