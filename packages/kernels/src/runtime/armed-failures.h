// Calls that a test wants to fail.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace whittle {

class ArmedFailures {
 public:
  bool empty() const { return armed_.empty(); }
  // Of the calls of this kernel that come, lets `skip` pass and the next one fail.
  void arm(int kernel, int64_t skip);
  // Counts a call; whether it is to fail.
  bool strike(int kernel);

 private:
  std::unordered_map<int, std::vector<int64_t>> armed_;
};

}  // namespace whittle
