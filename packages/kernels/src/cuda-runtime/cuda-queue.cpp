#include "cuda-queue.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

#include "cuda-error.h"
#include "settled.h"
#include "strided-pieces.h"

namespace whittle::cuda {

namespace {

constexpr size_t writeRingBytes = size_t{16} << 20;
constexpr size_t readRingBytes = size_t{16} << 20;
constexpr size_t maxGraphs = 64;
// Fewer launches are not worth a program.
constexpr size_t smallestGraph = 3;
// Words of commands that may wait for a read: 16 MiB.
constexpr size_t maxLoggedWords = size_t{1} << 21;

std::vector<std::string> opsOf(const std::vector<KernelEntry>& kernels) {
  std::vector<std::string> ops;
  for (const KernelEntry& entry : kernels) ops.push_back(entry.op);
  return ops;
}

Machine machineOf(int device) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, device), "the device");
  return {properties.multiProcessorCount, properties.major * 10 + properties.minor,
          static_cast<int32_t>(properties.sharedMemPerBlockOptin)};
}

}  // namespace

CudaQueue::CudaQueue(int device, std::function<void()> onFinished)
    : device_(device),
      kernels_(allKernels()),
      stream_(device),
      memory_(device),
      machine_(machineOf(device)),
      faults_(static_cast<FaultLog*>(memory_.allocate(sizeof(FaultLog)))),
      blasLt_(BlasLt::open()),
      writeRing_(writeRingBytes),
      readRing_(readRingBytes),
      graphs_(maxGraphs, [this](cudaGraphExec_t program) { completions_.push(stream_, [program] { cudaGraphExecDestroy(program); }); }),
      // Programs hold its address.
      scratch_([this](void* address) {
        graphs_.clear();
        completions_.push(stream_, [address] { cudaFree(address); });
      }),
      log_(opsOf(kernels_)),
      reports_(std::move(onFinished)),
      completions_(device, loss_),
      loader_(device, stream_, loss_),
      thread_([this](Batch& batch) { execute(batch); }) {
  if (!faults_) throw CudaError("no device memory is left");
  check(cudaMemsetAsync(faults_, 0, sizeof(FaultLog), stream_), "device memory");
}

std::vector<std::string> CudaQueue::ops() const {
  return opsOf(kernels_);
}

void* CudaQueue::allocate(size_t bytes) {
  void* address = memory_.allocate(bytes);
  while (!address && !(thread_.idle() && completions_.idle())) {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    address = memory_.allocate(bytes);
  }
  if (!address) return nullptr;
  const double zero[] = {static_cast<double>(Opcode::zero), static_cast<double>(reinterpret_cast<uintptr_t>(address)),
                         static_cast<double>(bytes)};
  thread_.push(zero, std::size(zero));
  return address;
}

void CudaQueue::close() {
  thread_.close();
  completions_.close();
}

void CudaQueue::execute(Batch& batch) {
  // Of the calling thread.
  cudaSetDevice(device_);
  wordsSinceResolve_ += batch.words.size();
  const std::vector<double>& words = log_.append(std::move(batch.words));
  const double* word = words.data();
  const double* const end = word + words.size();
  while (word < end && !thread_.closing()) {
    if (!loss_) {
      try {
        word = perform(word, end);
        continue;
      } catch (const std::exception& error) {
        loss_.declare(error.what());
      }
    }
    if (opcodeOf(word) == Opcode::read) completions_.push(stream_, [this, ticket = word[1]] { reports_.finish(ticket, loss_.failure()); });
    word += commandWords(word);
  }
  giveWritten();
  if (wordsSinceResolve_ > maxLoggedWords && !loss_) checkpoint(end);
}

const double* CudaQueue::perform(const double* word, const double* end) {
  const auto bytes = static_cast<size_t>(word[2]);
  switch (opcodeOf(word)) {
    case Opcode::run:
      return runSegment(word, end);
    case Opcode::write:
      write(pointerAt<void>(word + 1), word + 3, bytes);
      break;
    case Opcode::writeOutside:
      write(pointerAt<void>(word + 1), pointerAt<void>(word + 3), bytes);
      break;
    case Opcode::zero:
      flushWrites();
      check(cudaMemsetAsync(pointerAt<void>(word + 1), 0, bytes, stream_), "zeros");
      break;
    case Opcode::load:
      load(word);
      break;
    case Opcode::read:
      read(word);
      break;
    case Opcode::release:
      flushWrites();
      completions_.push(stream_, [this, address = pointerAt<void>(word + 1)] { memory_.release(address); });
      break;
    case Opcode::fail:
      armed_.arm(static_cast<int>(word[1]), static_cast<int64_t>(word[2]));
      break;
    case Opcode::heal:
      // The log knows.
      break;
    case Opcode::programBegin:
    case Opcode::programPlace:
    case Opcode::programEnd:
    case Opcode::replay:
    case Opcode::forget:
      // It finds out for itself what comes again: see `GraphCache`.
      std::terminate();
  }
  return word + commandWords(word);
}

const double* CudaQueue::runSegment(const double* word, const double* end) {
  segment_.clear();
  const double* next = word;
  while (next < end) {
    const Opcode opcode = opcodeOf(next);
    if (opcode != Opcode::run && opcode != Opcode::heal) break;
    const size_t words = commandWords(next);
    if (opcode == Opcode::run) segment_.add(next, words);
    next += words;
  }
  beginSegment(word);
  const GraphCache::Entry* entry = nullptr;
  if (armed_.empty() && segment_.runs.size() >= smallestGraph) {
    entry = graphs_.find(segment_);
    if (!entry && graphs_.cameBefore(segment_)) entry = &graphs_.add(segment_, capture());
  }
  if (entry && entry->program) {
    check(cudaGraphLaunch(entry->program, stream_), "a graph");
    replayed_++;
  } else {
    launchEagerly();
    eager_++;
  }
  return next;
}

void CudaQueue::beginSegment(const double* word) {
  if (faulty_.exchange(false)) resetFaults(word);
  segmentNumber_ = (segmentNumber_ + 1) & INT32_MAX;
  small_.segment = segmentNumber_;
  flushWrites();
  log_.beginSegment(log_.at(word), segmentNumber_);
  ranSinceFaults_ = true;
}

void CudaQueue::launchEagerly() {
  for (size_t i = 0; i < segment_.runs.size() && !thread_.closing(); i++) {
    const RunCommand run(segment_.runs[i]);
    char message[256] = "made to fail by a test";
    if (!armed_.strike(run.kernel) && kernelOf(run).kernel(callOf(run, static_cast<int32_t>(i), 0, message, sizeof(message)))) continue;
    log_.fail(log_.at(segment_.runs[i]), {kernelOf(run).op, message});
    // Refused because of what it asked for, or because nothing works any more?
    cudaGetLastError();
    const cudaError_t status = cudaStreamQuery(stream_);
    if (status != cudaErrorNotReady) check(status, "the device");
  }
}

cudaGraphExec_t CudaQueue::capture() {
  scratch_.freeze(true);
  // The other threads' calls are none of this capture's business.
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "a capture");
  const bool launched = launchSettled();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t program = nullptr;
  bool good = cudaStreamEndCapture(stream_, &graph) == cudaSuccess && launched;
  scratch_.freeze(false);
  good = good && cudaGraphInstantiate(&program, graph, 0) == cudaSuccess;
  if (graph) cudaGraphDestroy(graph);
  if (good)
    captured_++;
  else
    cudaGetLastError();
  return good ? program : nullptr;
}

bool CudaQueue::launchSettled() {
  char message[256];
  Settled settled;
  std::vector<RunCommand> runs;
  std::vector<Call> calls;
  for (const double* words : segment_.runs) runs.emplace_back(words);
  for (size_t i = 0; i < runs.size(); i++) calls.push_back(callOf(runs[i], static_cast<int32_t>(i), settled.next(runs[i]), message, sizeof(message)));
  for (size_t i = 0; i < calls.size(); i++) {
    const KernelEntry& entry = kernelOf(runs[i]);
    const Fusion fusion = i + 1 < calls.size() ? fusionOf(entry.op, kernelOf(runs[i + 1]).op) : nullptr;
    const Fused both = fusion ? fusion(calls[i], calls[i + 1]) : Fused::no;
    if (both == Fused::failed || (both == Fused::no && !entry.kernel(calls[i]))) return false;
    if (both == Fused::launched) i++;
  }
  return true;
}

Call CudaQueue::callOf(const RunCommand& run, int32_t call, uint32_t settled, char* message, int32_t messageSize) {
  return {run.tensors,
          run.tensorCount(),
          run.attributes,
          run.attributeCount,
          machine_,
          scratch_,
          blasLt_.get(),
          {faults_, call},
          stream_,
          message,
          messageSize,
          settled};
}

void CudaQueue::write(void* destination, const void* source, size_t bytes) {
  if (bytes <= SmallWrites::largest) {
    if (small_.add(destination, source, bytes)) return;
    flushWrites();
    small_.add(destination, source, bytes);
    return;
  }
  flushWrites();
  for (size_t at = 0; at < bytes;) {
    const size_t piece = std::min(bytes - at, writeRing_.largest());
    if (!writeRing_.hasRoom(piece)) giveWritten();
    const auto [data, span] = writeRing_.take(piece);
    written_ += span;
    std::memcpy(data, static_cast<const uint8_t*>(source) + at, piece);
    check(cudaMemcpyAsync(static_cast<uint8_t*>(destination) + at, data, piece, cudaMemcpyHostToDevice, stream_), "a write");
    at += piece;
  }
}

// Before anything else comes into the stream.
void CudaQueue::flushWrites() {
  loader_.finish();
  if (small_.count == 0 && small_.segment < 0) return;
  check(writeSmall(small_, faults_, stream_), "a write");
  small_.segment = -1;
  small_.count = 0;
  small_.used = 0;
}

void CudaQueue::giveWritten() {
  if (written_ == 0) return;
  completions_.push(stream_, [this, span = std::exchange(written_, 0)] { writeRing_.give(span); });
}

void CudaQueue::load(const double* words) {
  if (small_.count > 0) flushWrites();
  const std::string path(reinterpret_cast<const char*>(words + 5), static_cast<size_t>(words[4]));
  loader_.load(path, static_cast<uint64_t>(words[3]), pointerAt<void>(words + 1), static_cast<size_t>(words[2]),
               [this, command = log_.at(words)](std::string reason) {
                 log_.fail(command, {"map", std::move(reason)});
               });
}

void CudaQueue::read(const double* words) {
  struct Copy {
    uint8_t* destination;
    const void* data;
    size_t bytes;
  };
  flushWrites();
  std::vector<Copy> copies;
  size_t span = 0;
  const auto deliver = [this](const std::vector<Copy>& copies, size_t span) {
    for (const Copy& copy : copies) {
      if (!loss_) std::memcpy(copy.destination, copy.data, copy.bytes);
    }
    readRing_.give(span);
  };
  // What waits for its delivery must never wait for room.
  const auto makeRoom = [&](size_t bytes) {
    if (copies.empty() || readRing_.hasRoom(bytes)) return;
    completions_.push(stream_, [deliver, copies = std::exchange(copies, {}), span = std::exchange(span, 0)] { deliver(copies, span); });
  };
  const Extent extent = extentAt(words + 2);
  auto* destination = pointerAt<uint8_t>(words + 2 + extentWords);
  eachPiece(extent, readRing_.largest(), [&](const StridedPiece& piece) {
    makeRoom(piece.bytes());
    const PinnedRing::Piece staging = readRing_.take(piece.bytes());
    span += staging.span;
    copies.push_back({destination, staging.data, piece.bytes()});
    destination += piece.bytes();
    check(piece.rows == 1 ? cudaMemcpyAsync(staging.data, piece.source, piece.width, cudaMemcpyDeviceToHost, stream_)
                          : cudaMemcpy2DAsync(staging.data, piece.width, piece.source, piece.stride, piece.width, piece.rows,
                                              cudaMemcpyDeviceToHost, stream_),
          "a read");
  });
  makeRoom(sizeof(FaultLog));
  const PinnedRing::Piece faults = copyFaults();
  completions_.push(stream_, [this, deliver, copies = std::move(copies), span, faults, extent, end = log_.at(words), ticket = words[1]] {
    auto failure = resolve(end, extent, faults.data);
    deliver(copies, span + faults.span);
    reports_.finish(ticket, std::move(failure));
  });
}

void CudaQueue::checkpoint(const double* word) {
  try {
    flushWrites();
    const PinnedRing::Piece faults = copyFaults();
    completions_.push(stream_, [this, faults, end = log_.at(word)] {
      resolve(end, {}, faults.data);
      readRing_.give(faults.span);
    });
  } catch (const CudaError& error) {
    loss_.declare(error.what());
  }
}

void CudaQueue::resetFaults(const double* word) {
  ranSinceFaults_ = true;
  checkpoint(word);
  check(cudaMemsetAsync(faults_, 0, offsetof(FaultLog, segment), stream_), "the fault log");
}

PinnedRing::Piece CudaQueue::copyFaults() {
  wordsSinceResolve_ = 0;
  if (!std::exchange(ranSinceFaults_, false)) return {nullptr, 0};
  const PinnedRing::Piece piece = readRing_.take(sizeof(FaultLog));
  check(cudaMemcpyAsync(piece.data, faults_, sizeof(FaultLog), cudaMemcpyDeviceToHost, stream_), "the fault log");
  return piece;
}

std::shared_ptr<const Failure> CudaQueue::resolve(LogPosition end, const Extent& extent, const void* faults) {
  if (loss_) return loss_.failure();
  const auto* reported = static_cast<const FaultLog*>(faults);
  if (reported && reported->count > 0) faulty_.store(true);
  return log_.resolve(end, extent, reported);
}

}  // namespace whittle::cuda
