#include "armed-failures.h"

#include <utility>

namespace whittle {

void ArmedFailures::arm(int kernel, int64_t skip) {
  armed_[kernel].push_back(skip);
}

bool ArmedFailures::strike(int kernel) {
  if (armed_.empty()) return false;
  auto entry = armed_.find(kernel);
  if (entry == armed_.end()) return false;
  bool fails = false;
  std::vector<int64_t> rest;
  for (int64_t skip : entry->second) {
    if (skip == 0) {
      fails = true;
    } else {
      rest.push_back(skip - 1);
    }
  }
  if (rest.empty()) {
    armed_.erase(entry);
  } else {
    entry->second = std::move(rest);
  }
  return fails;
}

}  // namespace whittle
