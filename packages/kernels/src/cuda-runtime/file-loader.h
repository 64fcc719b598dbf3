// Brings files into device memory: several threads read, while what they have read is copied.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../cuda/platform.cuh"
#include "loss.h"

namespace whittle::cuda {

class FileLoader {
 public:
  FileLoader(int device, cudaStream_t stream, Loss& loss);
  ~FileLoader();
  FileLoader(const FileLoader&) = delete;
  FileLoader& operator=(const FileLoader&) = delete;

  // Starts to read bytes [offset, offset + bytes) of a file. `failed` is called by `finish` if they cannot be had. Queue's thread.
  void load(const std::string& path, uint64_t offset, void* destination, size_t bytes, std::function<void(std::string reason)> failed);
  // Waits until all that was begun is in the stream: what comes into the stream next finds it.
  void finish();

 private:
  struct File {
    explicit File(const std::string& path);
    ~File();
    const std::string path;
    const int descriptor;
    // Why it cannot be opened, empty: it could.
    const std::string reason;
  };
  // A load that was begun.
  struct Load {
    std::shared_ptr<const File> file;
    std::function<void(std::string)> failed;
    std::string reason;
  };
  struct Chunk {
    std::shared_ptr<Load> load;
    uint64_t offset;
    uint8_t* destination;
    size_t bytes;
  };
  // Pinned memory of one reader; the event tells when the copy out of it is over.
  struct Buffer {
    void* data = nullptr;
    cudaEvent_t copied = nullptr;
  };

  void start();
  void work();
  // Why it went wrong, empty: it went well.
  std::string transfer(const Chunk& chunk, const Buffer& buffer);

  const int device_;
  const cudaStream_t stream_;
  Loss& loss_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::condition_variable emptied_;
  std::deque<Chunk> chunks_;
  // Chunks queued or at work.
  size_t pending_ = 0;
  bool closing_ = false;
  std::vector<std::shared_ptr<Load>> loads_;
  // Of the last load: a model's tensors come from one file, hundreds of them.
  std::shared_ptr<const File> file_;
  // Begun with the first load.
  std::vector<std::thread> readers_;
};

}  // namespace whittle::cuda
