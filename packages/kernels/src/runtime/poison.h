// Which bytes of device memory do not hold what they should, and which op is to blame.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace whittle {

// The op that failed first, and why.
struct Failure {
  std::string op;
  std::string reason;
};

// A tensor's bytes: `rows` pieces of `rowBytes`, `strideBytes` apart.
struct Extent {
  uint64_t address = 0;
  int64_t rows = 0;
  int64_t rowBytes = 0;
  int64_t strideBytes = 0;

  // Without gaps.
  bool dense() const { return rows == 1 || strideBytes == rowBytes; }
};

// Address ranges with their failure. Nothing but one comparison while nothing is poisoned.
class PoisonMap {
 public:
  bool empty() const { return ranges_.empty(); }
  // The failure behind the first poisoned byte, or null.
  std::shared_ptr<const Failure> find(const Extent& extent) const;
  void add(const Extent& extent, const std::shared_ptr<const Failure>& failure);
  void remove(const Extent& extent);

 private:
  struct Range {
    uint64_t begin;
    uint64_t end;
    std::shared_ptr<const Failure> failure;
  };
  void removeRange(uint64_t begin, uint64_t end);

  // By address, disjoint.
  std::vector<Range> ranges_;
};

}  // namespace whittle
