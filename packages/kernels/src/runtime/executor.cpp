#include "executor.h"

#include <cstring>
#include <exception>
#include <utility>

#include "commands.h"
#include "spin.h"

namespace whittle {

namespace {

// A step is recorded in several flushes, microseconds apart: asleep between two of them the thread would lose more than it saves.
constexpr std::chrono::microseconds executorSpin{30};

constexpr int64_t elementBytes[] = {4, 2, 2, 4, 1, 1};

template <typename T>
T* pointer(double word) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(word));
}

Extent extentAt(const double* words) {
  return {static_cast<uint64_t>(words[0]), static_cast<int64_t>(words[1]), static_cast<int64_t>(words[2]), static_cast<int64_t>(words[3])};
}

Extent extentOf(const Tensor& tensor) {
  const int64_t size = elementBytes[static_cast<int>(tensor.dtype)];
  return {reinterpret_cast<uint64_t>(tensor.data), tensor.rows(), tensor.columns() * size, tensor.rowStride * size};
}

Tensor tensorAt(const double* words) {
  Tensor tensor;
  tensor.data = pointer<void>(words[0]);
  tensor.dtype = static_cast<DType>(static_cast<int32_t>(words[1]));
  tensor.rank = static_cast<int32_t>(words[2]);
  tensor.rowStride = static_cast<int64_t>(words[3]);
  for (int i = 0; i < 4; i++) tensor.dims[i] = static_cast<int64_t>(words[4 + i]);
  return tensor;
}

// Runs a kernel; nothing that it throws gets past here. Why it failed, or null.
std::shared_ptr<const Failure> guarded(const KernelEntry& kernel, const Call& call) {
  try {
    if (kernel.kernel(call)) return nullptr;
    return std::make_shared<Failure>(Failure{kernel.op, call.message});
  } catch (const std::bad_alloc&) {
    return std::make_shared<Failure>(Failure{kernel.op, "out of memory while it ran"});
  } catch (const std::exception& error) {
    return std::make_shared<Failure>(Failure{kernel.op, error.what()});
  } catch (...) {
    return std::make_shared<Failure>(Failure{kernel.op, "an unknown C++ exception"});
  }
}

}  // namespace

Executor::Executor(Isa isa, int32_t threads, std::function<void()> onFinished)
    : kernels_(kernelsUpTo(isa)), workers_(threads), onFinished_(std::move(onFinished)), thread_([this] { work(); }) {}

Executor::~Executor() { close(); }

void Executor::submit(const double* words, size_t count) {
  if (count > 0) enqueue({std::vector<double>(words, words + count), nullptr});
}

void Executor::submitWrite(void* destination, const void* source, size_t bytes) {
  const Extent extent{reinterpret_cast<uint64_t>(destination), 1, static_cast<int64_t>(bytes), static_cast<int64_t>(bytes)};
  {
    std::lock_guard lock(mutex_);
    if (pending_.load(std::memory_order_acquire) == 0) {
      std::memcpy(destination, source, bytes);
      poison_.remove(extent);
      return;
    }
  }
  std::unique_ptr<uint8_t[]> payload(new uint8_t[bytes]);
  std::memcpy(payload.get(), source, bytes);
  const double words[] = {static_cast<double>(Opcode::writeOutside), static_cast<double>(extent.address), static_cast<double>(bytes),
                          static_cast<double>(reinterpret_cast<uintptr_t>(payload.get()))};
  enqueue({std::vector<double>(std::begin(words), std::end(words)), std::move(payload)});
}

void Executor::enqueue(Batch batch) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(batch));
    pending_.fetch_add(1, std::memory_order_release);
  }
  arrived_.notify_one();
}

std::vector<FinishedRead> Executor::takeFinished() {
  std::lock_guard lock(finishedMutex_);
  return std::exchange(finished_, {});
}

void Executor::close() {
  {
    std::lock_guard lock(mutex_);
    closing_.store(true);
  }
  arrived_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Executor::work() {
  for (;;) {
    auto stirred = [this] { return pending_.load(std::memory_order_acquire) > 0 || closing_.load(std::memory_order_acquire); };
    spinUntil(executorSpin, stirred);
    Batch batch;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, stirred);
      if (closing_.load()) return;
      batch = std::move(queue_.front());
      queue_.pop_front();
    }
    execute(batch);
    std::lock_guard lock(mutex_);
    pending_.fetch_sub(1, std::memory_order_release);
  }
}

void Executor::execute(const Batch& batch) {
  const double* word = batch.words.data();
  const double* const end = word + batch.words.size();
  while (word < end && !closing_.load(std::memory_order_relaxed)) {
    switch (static_cast<Opcode>(static_cast<int>(word[0]))) {
      case Opcode::run:
        word += run(word);
        break;
      case Opcode::write: {
        const auto bytes = static_cast<int64_t>(word[2]);
        std::memcpy(pointer<void>(word[1]), word + 3, static_cast<size_t>(bytes));
        poison_.remove({static_cast<uint64_t>(word[1]), 1, bytes, bytes});
        word += 3 + (bytes + 7) / 8;
        break;
      }
      case Opcode::writeOutside: {
        const auto bytes = static_cast<int64_t>(word[2]);
        std::memcpy(pointer<void>(word[1]), pointer<void>(word[3]), static_cast<size_t>(bytes));
        poison_.remove({static_cast<uint64_t>(word[1]), 1, bytes, bytes});
        word += 4;
        break;
      }
      case Opcode::read:
        read(word[1], extentAt(word + 2), pointer<uint8_t>(word[2 + extentWords]));
        word += 3 + extentWords;
        break;
      case Opcode::release: {
        const auto bytes = static_cast<int64_t>(word[2]);
        poison_.remove({static_cast<uint64_t>(word[1]), 1, bytes, bytes});
        memory_.release(pointer<void>(word[1]));
        word += 3;
        break;
      }
      case Opcode::heal:
        poison_.remove(extentAt(word + 1));
        word += 1 + extentWords;
        break;
      case Opcode::fail:
        armed_[static_cast<int>(word[1])].push_back(static_cast<int64_t>(word[2]));
        word += 3;
        break;
    }
  }
}

size_t Executor::run(const double* words) {
  const int kernel = static_cast<int>(words[1]);
  const int inputs = static_cast<int>(words[2]);
  const int outputs = static_cast<int>(words[3]);
  const int attributes = static_cast<int>(words[4]);
  const auto mutated = static_cast<uint32_t>(words[5]);
  const size_t size = 6 + static_cast<size_t>(inputs + outputs) * tensorWords + static_cast<size_t>(attributes);

  Tensor tensors[maxTensors];
  for (int i = 0; i < inputs + outputs; i++) tensors[i] = tensorAt(words + 6 + static_cast<size_t>(i) * tensorWords);

  std::shared_ptr<const Failure> failure;
  if (!poison_.empty()) {
    for (int i = 0; i < inputs && !failure; i++) {
      if (tensors[i].present()) failure = poison_.find(extentOf(tensors[i]));
    }
  }
  if (!failure) {
    const KernelEntry& entry = kernels_[static_cast<size_t>(kernel)];
    if (!armed_.empty() && shouldFail(kernel)) {
      failure = std::make_shared<Failure>(Failure{entry.op, "made to fail by a test"});
    } else {
      char message[256] = "no reason given";
      const Call call{tensors, inputs + outputs, words + size - attributes, attributes, workers_, message, sizeof(message)};
      failure = guarded(entry, call);
    }
  }
  if (failure) {
    for (int i = 0; i < inputs + outputs; i++) {
      if ((i >= inputs || (mutated >> i & 1u)) && tensors[i].present()) poison_.add(extentOf(tensors[i]), failure);
    }
  } else if (!poison_.empty()) {
    for (int i = inputs; i < inputs + outputs; i++) poison_.remove(extentOf(tensors[i]));
  }
  return size;
}

void Executor::read(double ticket, const Extent& extent, uint8_t* destination) {
  std::shared_ptr<const Failure> failure = poison_.find(extent);
  if (!failure) {
    const auto* source = reinterpret_cast<const uint8_t*>(extent.address);
    const auto rowBytes = static_cast<size_t>(extent.rowBytes);
    const bool dense = extent.rows == 1 || extent.strideBytes == extent.rowBytes;
    const int64_t pieces = rowBytes == 0 ? 0 : dense ? (extent.rows > 0) : extent.rows;
    const size_t pieceBytes = dense ? rowBytes * static_cast<size_t>(extent.rows) : rowBytes;
    for (int64_t piece = 0; piece < pieces; piece++) {
      std::memcpy(destination + static_cast<size_t>(piece) * pieceBytes, source + piece * extent.strideBytes, pieceBytes);
    }
  }
  bool first;
  {
    std::lock_guard lock(finishedMutex_);
    first = finished_.empty();
    finished_.push_back({ticket, std::move(failure)});
  }
  if (first) onFinished_();
}

bool Executor::shouldFail(int kernel) {
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
