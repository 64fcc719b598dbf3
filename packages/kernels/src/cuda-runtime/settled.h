// Which tensors of a program's ops can be read before the kernels ahead of them have ended: those that none of its ops has written so far. What ran before a program
// has ended when it begins.
#pragma once

#include <cstdint>
#include <vector>

#include "../runtime/commands.h"

namespace whittle::cuda {

class Settled {
 public:
  // The op that comes next: bit i for its tensor i, as `Call` has it.
  uint32_t next(const RunCommand& run) {
    uint32_t settled = 0;
    for (int i = 0; i < run.tensorCount(); i++) {
      if (!run.writes(i) && !isWritten(rangeOf(run.tensors[i]))) settled |= 1u << i;
    }
    for (int i = 0; i < run.tensorCount(); i++) {
      if (run.writes(i) && run.tensors[i].present()) written_.push_back(rangeOf(run.tensors[i]));
    }
    return settled;
  }

 private:
  struct Range {
    uintptr_t begin, end;
  };

  // All between the first and the last element.
  static Range rangeOf(const Tensor& tensor) {
    const auto begin = reinterpret_cast<uintptr_t>(tensor.data);
    const int64_t elements = tensor.rows() == 0 ? 0 : (tensor.rows() - 1) * tensor.rowStride + tensor.columns();
    return {begin, begin + static_cast<uintptr_t>(bytesOf(tensor.dtype, elements))};
  }

  bool isWritten(const Range& range) const {
    for (const Range& written : written_) {
      if (range.begin < written.end && written.begin < range.end) return true;
    }
    return false;
  }

  std::vector<Range> written_;
};

}  // namespace whittle::cuda
