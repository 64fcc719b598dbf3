#include "file-loader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "cuda-error.h"

namespace whittle::cuda {

namespace {

// One reader copies some 4 GB/s out of the page cache; PCIe takes more.
constexpr size_t mostReaders = 6;
constexpr size_t chunkBytes = size_t{4} << 20;
constexpr int buffersPerReader = 2;

}  // namespace

FileLoader::File::File(const std::string& path)
    : path(path), descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC)), reason(descriptor >= 0 ? "" : path + " cannot be opened (" + std::strerror(errno) + ")") {}

FileLoader::File::~File() {
  if (descriptor >= 0) close(descriptor);
}

FileLoader::FileLoader(int device, cudaStream_t stream, Loss& loss) : device_(device), stream_(stream), loss_(loss) {}

FileLoader::~FileLoader() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  arrived_.notify_all();
  for (std::thread& reader : readers_) reader.join();
}

void FileLoader::load(const std::string& path, uint64_t offset, void* destination, size_t bytes, std::function<void(std::string reason)> failed) {
  start();
  if (!file_ || file_->path != path) file_ = std::make_shared<File>(path);
  auto load = std::make_shared<Load>(Load{file_, std::move(failed), file_->reason});
  const bool readable = file_->descriptor >= 0;
  {
    std::lock_guard lock(mutex_);
    loads_.push_back(load);
    for (size_t at = 0; readable && at < bytes; at += chunkBytes) {
      chunks_.push_back({load, offset + at, static_cast<uint8_t*>(destination) + at, std::min(chunkBytes, bytes - at)});
      pending_++;
    }
  }
  arrived_.notify_all();
}

void FileLoader::finish() {
  std::vector<std::shared_ptr<Load>> loads;
  {
    std::unique_lock lock(mutex_);
    if (loads_.empty()) return;
    emptied_.wait(lock, [this] { return pending_ == 0; });
    loads.swap(loads_);
  }
  file_ = nullptr;
  for (const auto& load : loads) {
    if (!load->reason.empty()) load->failed(load->reason);
  }
}

void FileLoader::start() {
  if (!readers_.empty()) return;
  const size_t count = std::clamp<size_t>(std::thread::hardware_concurrency() / 2, 1, mostReaders);
  for (size_t i = 0; i < count; i++) readers_.emplace_back([this] { work(); });
}

void FileLoader::work() {
  Buffer buffers[buffersPerReader];
  std::string trouble;
  try {
    check(cudaSetDevice(device_), "the device");
    for (Buffer& buffer : buffers) {
      check(cudaMallocHost(&buffer.data, chunkBytes), "pinned host memory");
      check(cudaEventCreateWithFlags(&buffer.copied, cudaEventBlockingSync | cudaEventDisableTiming), "an event");
    }
  } catch (const CudaError& error) {
    trouble = error.what();
  }
  for (int next = 0;; next = (next + 1) % buffersPerReader) {
    Chunk chunk;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return !chunks_.empty() || closing_; });
      if (closing_) break;
      chunk = std::move(chunks_.front());
      chunks_.pop_front();
    }
    std::string reason = trouble.empty() ? transfer(chunk, buffers[next]) : trouble;
    std::lock_guard lock(mutex_);
    if (chunk.load->reason.empty()) chunk.load->reason = std::move(reason);
    if (--pending_ == 0) emptied_.notify_all();
  }
  for (Buffer& buffer : buffers) {
    if (buffer.copied) cudaEventSynchronize(buffer.copied);
    if (buffer.copied) cudaEventDestroy(buffer.copied);
    if (buffer.data) cudaFreeHost(buffer.data);
  }
}

std::string FileLoader::transfer(const Chunk& chunk, const Buffer& buffer) {
  if (loss_) return "the device is lost";
  try {
    check(cudaEventSynchronize(buffer.copied), "a copy to the device");
    size_t done = 0;
    while (done < chunk.bytes) {
      const ssize_t got = pread(chunk.load->file->descriptor, static_cast<uint8_t*>(buffer.data) + done, chunk.bytes - done, static_cast<off_t>(chunk.offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return chunk.load->file->path + " cannot be read (" + std::strerror(errno) + ")";
      if (got == 0) return chunk.load->file->path + " was cut short: it ended at byte " + std::to_string(chunk.offset + done) + " while it was loaded";
      done += static_cast<size_t>(got);
    }
    check(cudaMemcpyAsync(chunk.destination, buffer.data, chunk.bytes, cudaMemcpyHostToDevice, stream_), "a copy to the device");
    check(cudaEventRecord(buffer.copied, stream_), "a copy to the device");
    return "";
  } catch (const CudaError& error) {
    loss_.declare(error.what());
    return error.what();
  }
}

}  // namespace whittle::cuda
