#include "small-writes.cuh"

#include "launch.cuh"

namespace whittle::cuda {

namespace {

constexpr int blockThreads = 128;

__global__ void smallWritesKernel(const SmallWrites writes, FaultLog* log) {
  afterPrevious();
  const int thread = threadIdx.x;
  if (thread == 0 && writes.segment >= 0) {
    log->segment = writes.segment;
    log->lastCall = -1;
  }
  for (int i = 0; i < writes.count; i++) {
    const SmallWrites::Piece piece = writes.pieces[i];
    const uint8_t* source = writes.content + piece.offset;
    auto* destination = reinterpret_cast<uint8_t*>(piece.address);
    int done = 0;
    if (piece.address % 4 == 0) {
      const int words = piece.bytes / 4;
      for (int word = thread; word < words; word += blockThreads) {
        reinterpret_cast<uint32_t*>(destination)[word] = reinterpret_cast<const uint32_t*>(source)[word];
      }
      done = words * 4;
    }
    for (int byte = done + thread; byte < piece.bytes; byte += blockThreads) destination[byte] = source[byte];
    __syncthreads();
  }
}

}  // namespace

cudaError_t writeSmall(const SmallWrites& writes, FaultLog* log, cudaStream_t stream) {
  return launch(stream, smallWritesKernel, dim3(1), dim3(blockThreads), 0, writes, log);
}

}  // namespace whittle::cuda
