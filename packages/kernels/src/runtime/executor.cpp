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

template <typename T>
T* pointer(double word) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(word));
}

Opcode opcodeOf(const double* words) {
  return static_cast<Opcode>(static_cast<int>(words[0]));
}

// Words of a whole command.
size_t commandWords(const double* words) {
  switch (opcodeOf(words)) {
    case Opcode::run:
      return runWords + static_cast<size_t>(words[2] + words[3]) * tensorWords + static_cast<size_t>(words[4]);
    case Opcode::write:
      return 3 + (static_cast<size_t>(words[2]) + 7) / 8;
    case Opcode::writeOutside:
      return 4;
    case Opcode::read:
      return 3 + extentWords;
    case Opcode::release:
    case Opcode::zero:
    case Opcode::fail:
      return 3;
    case Opcode::heal:
      return 1 + extentWords;
  }
  std::terminate();
}

// Made while there is memory for it.
const std::shared_ptr<const Failure>& lostDevice() {
  static const auto failure = std::make_shared<const Failure>(Failure{"", "the executor ran out of memory"});
  return failure;
}

Extent extentAt(const double* words) {
  return {static_cast<uint64_t>(words[0]), static_cast<int64_t>(words[1]), static_cast<int64_t>(words[2]), static_cast<int64_t>(words[3])};
}

Extent extentOf(const Tensor& tensor) {
  return {reinterpret_cast<uint64_t>(tensor.data), tensor.rows(), bytesOf(tensor.dtype, tensor.columns()), bytesOf(tensor.dtype, tensor.rowStride)};
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
    : kernels_(kernelsUpTo(isa)), workers_(threads), onFinished_(std::move(onFinished)), thread_([this] { work(); }) {
  lostDevice();
}

Executor::~Executor() {
  close();
}

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
  for (; word < end && !closing_.load(std::memory_order_relaxed); word += commandWords(word)) {
    const bool isRead = opcodeOf(word) == Opcode::read;
    if (!lost_) {
      try {
        perform(word);
        continue;
      } catch (...) {
        lost_ = lostDevice();
      }
    }
    if (isRead) finish(word[1], lost_);
  }
}

void Executor::perform(const double* words) {
  const auto address = static_cast<uint64_t>(words[1]);
  const auto bytes = static_cast<int64_t>(words[2]);
  switch (opcodeOf(words)) {
    case Opcode::run:
      run(words);
      break;
    case Opcode::write:
      std::memcpy(pointer<void>(words[1]), words + 3, static_cast<size_t>(bytes));
      poison_.remove({address, 1, bytes, bytes});
      break;
    case Opcode::writeOutside:
      std::memcpy(pointer<void>(words[1]), pointer<void>(words[3]), static_cast<size_t>(bytes));
      poison_.remove({address, 1, bytes, bytes});
      break;
    case Opcode::zero:
      std::memset(pointer<void>(words[1]), 0, static_cast<size_t>(bytes));
      poison_.remove({address, 1, bytes, bytes});
      break;
    case Opcode::read:
      read(words);
      break;
    case Opcode::release:
      poison_.remove({address, 1, bytes, bytes});
      memory_.release(pointer<void>(words[1]));
      break;
    case Opcode::heal:
      poison_.remove(extentAt(words + 1));
      break;
    case Opcode::fail:
      armed_[static_cast<int>(words[1])].push_back(bytes);
      break;
  }
}

void Executor::run(const double* words) {
  const int kernel = static_cast<int>(words[1]);
  const int inputs = static_cast<int>(words[2]);
  const int outputs = static_cast<int>(words[3]);
  const int attributes = static_cast<int>(words[4]);
  const auto mutated = static_cast<uint32_t>(words[5]);
  const double* const attribute = words + commandWords(words) - attributes;

  Tensor tensors[maxTensors];
  for (int i = 0; i < inputs + outputs; i++) tensors[i] = tensorAt(words + runWords + static_cast<size_t>(i) * tensorWords);

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
      const Call call{tensors, inputs + outputs, attribute, attributes, workers_, message, sizeof(message)};
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
}

void Executor::read(const double* words) {
  const Extent extent = extentAt(words + 2);
  auto* const destination = pointer<uint8_t>(words[2 + extentWords]);
  std::shared_ptr<const Failure> failure = poison_.find(extent);
  if (!failure && extent.rows > 0 && extent.rowBytes > 0) {
    const auto* source = reinterpret_cast<const uint8_t*>(extent.address);
    const bool dense = extent.rows == 1 || extent.strideBytes == extent.rowBytes;
    const int64_t pieces = dense ? 1 : extent.rows;
    const auto pieceBytes = static_cast<size_t>(dense ? extent.rowBytes * extent.rows : extent.rowBytes);
    for (int64_t piece = 0; piece < pieces; piece++) {
      std::memcpy(destination + static_cast<size_t>(piece) * pieceBytes, source + piece * extent.strideBytes, pieceBytes);
    }
  }
  finish(words[1], std::move(failure));
}

void Executor::finish(double ticket, std::shared_ptr<const Failure> failure) {
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
