#include "executor.h"

#include <chrono>
#include <cstring>
#include <exception>
#include <utility>

#include "commands.h"

namespace whittle {

namespace {

// Made while there is memory for it.
const std::shared_ptr<const Failure>& lostDevice() {
  static const auto failure = std::make_shared<const Failure>(Failure{"", "the executor ran out of memory"});
  return failure;
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

// Only the executor's thread counts, so that no exclusive access to the cache line is needed.
template <typename T>
void count(std::atomic<T>& counter, T more = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

}  // namespace

Executor::Executor(Isa isa, int32_t threads, std::function<void()> onFinished)
    : kernels_(kernelsUpTo(isa)), workers_(threads), reports_(std::move(onFinished)), thread_([this](Batch& batch) { execute(batch); }) {
  lostDevice();
}

std::vector<std::string> Executor::ops() const {
  std::vector<std::string> ops;
  for (const KernelEntry& entry : kernels_) ops.push_back(entry.op);
  return ops;
}

KernelTimes Executor::kernelTimes() {
  timed_.store(true, std::memory_order_relaxed);
  return {kernelNanoseconds_.load(std::memory_order_relaxed), kernelCalls_.load(std::memory_order_relaxed)};
}

void Executor::submitWrite(void* destination, const void* source, size_t bytes) {
  const bool done = thread_.whileIdle([&] {
    std::memcpy(destination, source, bytes);
    const auto count = static_cast<int64_t>(bytes);
    poison_.remove({reinterpret_cast<uint64_t>(destination), 1, count, count});
  });
  if (!done) thread_.pushWrite(destination, source, bytes);
}

void Executor::execute(const Batch& batch) {
  const double* word = batch.words.data();
  const double* const end = word + batch.words.size();
  for (; word < end && !thread_.closing(); word += commandWords(word)) {
    const bool isRead = opcodeOf(word) == Opcode::read;
    if (!lost_) {
      try {
        perform(word);
        continue;
      } catch (...) {
        lost_ = lostDevice();
      }
    }
    if (isRead) reports_.finish(word[1], lost_);
  }
}

void Executor::perform(const double* words) {
  const auto address = static_cast<uint64_t>(words[1]);
  const auto bytes = static_cast<int64_t>(words[2]);
  switch (opcodeOf(words)) {
    case Opcode::run:
      if (recording_) {
        recording_->add(words);
      } else {
        count(eager_);
        run(RunCommand(words));
      }
      break;
    case Opcode::write:
      std::memcpy(pointerAt<void>(words + 1), words + 3, static_cast<size_t>(bytes));
      poison_.remove({address, 1, bytes, bytes});
      break;
    case Opcode::writeOutside:
      std::memcpy(pointerAt<void>(words + 1), pointerAt<void>(words + 3), static_cast<size_t>(bytes));
      poison_.remove({address, 1, bytes, bytes});
      break;
    case Opcode::zero:
      std::memset(pointerAt<void>(words + 1), 0, static_cast<size_t>(bytes));
      poison_.remove({address, 1, bytes, bytes});
      break;
    case Opcode::read:
      read(words);
      break;
    case Opcode::release:
      poison_.remove({address, 1, bytes, bytes});
      memory_.release(pointerAt<void>(words + 1));
      break;
    case Opcode::heal:
      poison_.remove(extentAt(words + 1));
      break;
    case Opcode::fail:
      armed_.arm(static_cast<int>(words[1]), bytes);
      break;
    case Opcode::load:
      // Files are mapped here.
      std::terminate();
    case Opcode::programBegin:
      recording_ = &programs_[static_cast<int64_t>(words[1])];
      break;
    case Opcode::programPlace:
      recording_->place(static_cast<size_t>(words[1]), static_cast<int>(words[2]), static_cast<size_t>(words[3]),
                        static_cast<int64_t>(words[4]));
      break;
    case Opcode::programEnd:
      recording_->finish([this](const RunCommand& run) { return beginning(run); });
      recording_ = nullptr;
      count(captured_);
      break;
    case Opcode::replay:
      replay(words);
      break;
    case Opcode::forget:
      programs_.erase(static_cast<int64_t>(words[1]));
      break;
  }
}

void Executor::run(const RunCommand& run) {
  std::shared_ptr<const Failure> failure = failureReaching(poison_, run);
  if (!failure) failure = call(run);
  settle(poison_, run, failure);
}

std::optional<Upcoming> Executor::beginning(const RunCommand& run) {
  const KernelEntry& entry = kernels_[static_cast<size_t>(run.kernel)];
  if (!entry.beginning) return std::nullopt;
  char message[1];
  return entry.beginning({run.tensors, run.tensorCount(), run.attributes, run.attributeCount, workers_, message, sizeof(message)});
}

std::shared_ptr<const Failure> Executor::call(const RunCommand& run) {
  const KernelEntry& entry = kernels_[static_cast<size_t>(run.kernel)];
  if (armed_.strike(run.kernel)) return std::make_shared<Failure>(Failure{entry.op, "made to fail by a test"});
  char message[256];
  std::strcpy(message, "no reason given");
  const Call call{run.tensors, run.tensorCount(), run.attributes, run.attributeCount, workers_, message, sizeof(message)};
  if (!timed_.load(std::memory_order_relaxed)) return guarded(entry, call);
  const auto start = std::chrono::steady_clock::now();
  std::shared_ptr<const Failure> failure = guarded(entry, call);
  const auto taken = std::chrono::steady_clock::now() - start;
  count(kernelNanoseconds_, std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count());
  count(kernelCalls_);
  return failure;
}

void Executor::replay(const double* words) {
  Program& program = programs_.at(static_cast<int64_t>(words[1]));
  program.bind(words + 3, static_cast<size_t>(words[2]));
  for (size_t i = 0; i < program.runs().size(); i++) {
    if (thread_.closing()) return;
    if (program.after(i)) workers_.post(*program.after(i));
    run(program.runs()[i]);
  }
  count(replayed_);
}

void Executor::read(const double* words) {
  const Extent extent = extentAt(words + 2);
  auto* const destination = pointerAt<uint8_t>(words + 2 + extentWords);
  std::shared_ptr<const Failure> failure = poison_.find(extent);
  if (!failure && extent.rows > 0 && extent.rowBytes > 0) {
    const auto* source = reinterpret_cast<const uint8_t*>(extent.address);
    const int64_t pieces = extent.dense() ? 1 : extent.rows;
    const auto pieceBytes = static_cast<size_t>(extent.dense() ? extent.rowBytes * extent.rows : extent.rowBytes);
    for (int64_t piece = 0; piece < pieces; piece++) {
      std::memcpy(destination + static_cast<size_t>(piece) * pieceBytes, source + piece * extent.strideBytes, pieceBytes);
    }
  }
  reports_.finish(words[1], std::move(failure));
}

}  // namespace whittle
