#include "replay.h"

#include <algorithm>
#include <memory>
#include <new>

#include "../../runtime/worker-pool.h"

namespace whittle::conformance {

namespace {

// Exactly as many bytes as the tensor spans, so that a sanitizer sees the first one beyond; 64-byte aligned as a device's are.
struct Memory {
  explicit Memory(size_t bytes) : size(bytes), data(static_cast<uint8_t*>(::operator new(bytes, std::align_val_t{64}))) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { ::operator delete(data, std::align_val_t{64}); }
  const size_t size;
  uint8_t* const data;
};

}  // namespace

Outcome replay(const Case& item, const KernelEntry& kernel, int32_t threads) {
  PoolWorkers workers(threads);
  std::vector<std::unique_ptr<Memory>> memory;
  std::vector<Tensor> tensors;
  for (const CaseTensor& tensor : item.tensors) {
    Tensor argument = tensor.type;
    if (tensor.present) {
      memory.push_back(std::make_unique<Memory>(spanOf(tensor.type)));
      // What a kernel forgets to write shows as NaN or as an absurd integer.
      std::fill_n(memory.back()->data, memory.back()->size, uint8_t{0xff});
      std::copy_n(tensor.bytes.begin(), std::min(tensor.bytes.size(), memory.back()->size), memory.back()->data);
      argument.data = memory.back()->data;
    }
    tensors.push_back(argument);
  }
  char message[256] = "";
  const Call call{tensors.data(),
                  static_cast<int32_t>(tensors.size()),
                  item.attributes.data(),
                  static_cast<int32_t>(item.attributes.size()),
                  workers,
                  message,
                  sizeof message};
  const bool passed = kernel.kernel(call);
  if (item.fails) return {passed ? "should have failed" : "", {}};
  if (!passed) return {std::string("failed: ") + message, {}};
  return judge(item, tensors);
}

}  // namespace whittle::conformance
