// Times the linear ops of a 7B LLaMA on the GPU at hand: linear-bench [bf16|f16|f32|q8_0|q4_0] [blas]. Weights rotate over more memory than the second-level
// cache holds, and calls run from a graph, as in a decode step. `blas`: by cuBLASLt whatever the number of rows.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "../cuda-runtime/blas-lt.h"
#include "../cuda-runtime/cuda-error.h"
#include "../cuda-runtime/growing-scratch.h"
#include "../cuda-runtime/kernel-registry.h"

namespace whittle::cuda {
namespace {

struct Shape {
  const char* op;
  int64_t outs, depth;
  // Weights of a call, and outputs.
  int weights, outputs;
};

constexpr Shape shapes[] = {{"linear", 4096, 4096, 1, 1},  {"linear", 11008, 4096, 1, 1},      {"linear", 4096, 11008, 1, 1},
                            {"linear", 32000, 4096, 1, 1}, {"linears", 4096, 4096, 3, 3}, {"gatedLinear", 11008, 4096, 2, 1}};
constexpr int64_t rowCounts[] = {1, 2, 4, 8, 16, 32, 64, 128, 512, 4096};

// Device memory full of numbers between 0.01 and 2 in size, as bf16 and as f16.
class Numbers {
 public:
  explicit Numbers(size_t bytes) {
    check(cudaMalloc(&data_, bytes), "memory");
    std::vector<uint16_t> pattern(1 << 22);
    uint32_t state = 1;
    for (uint16_t& number : pattern) {
      state = state * 1664525 + 1013904223;
      number = static_cast<uint16_t>((state >> 16 & 0x83ff) | 0x3c00);
    }
    const size_t piece = pattern.size() * sizeof(uint16_t);
    for (size_t at = 0; at < bytes; at += piece) {
      check(cudaMemcpy(static_cast<char*>(data_) + at, pattern.data(), bytes - at < piece ? bytes - at : piece, cudaMemcpyHostToDevice), "copy");
    }
  }
  ~Numbers() { cudaFree(data_); }
  Numbers(const Numbers&) = delete;
  char* at(int64_t offset = 0) const { return static_cast<char*>(data_) + offset; }

 private:
  void* data_ = nullptr;
};

Tensor matrix(void* data, DType dtype, int64_t rows, int64_t columns) {
  return {data, dtype, 2, columns, {rows, columns, 1, 1}};
}

class Bench {
 public:
  Bench(DType weights, bool library) : weightType_(weights), activations_(isBlock(weights) ? DType::bf16 : weights) {
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, 0), "device");
    machine_ = {properties.multiProcessorCount, properties.major * 10 + properties.minor, static_cast<int32_t>(properties.sharedMemPerBlockOptin)};
    // Too little for the kernels that stream weights.
    if (library) machine_.sharedBytes = 16 * 1024;
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
    check(cudaEventCreate(&begin_), "event");
    check(cudaEventCreate(&end_), "event");
    std::printf("%s, %d multiprocessors, cuBLASLt %s\n", properties.name, machine_.multiprocessors, blasLt_ ? "found" : "not found");
  }

  // What the memory can do: by the driver's copy, and by kernels in which reads alone, or reads and writes, are all there is.
  void limits() {
    constexpr int64_t bytes = int64_t{1} << 30;
    const Numbers from(bytes), to(bytes);
    const std::vector<Tensor> tensors{matrix(from.at(), DType::f32, 1, bytes / 4), matrix(to.at(), DType::f32, 1, bytes / 4)};
    const double copied = time(8, [&] { check(cudaMemcpyAsync(to.at(), from.at(), bytes, cudaMemcpyDeviceToDevice, stream_), "copy"); });
    const double byKernel = time(8, [&] { launch("limit.copy", tensors); });
    const double read = time(8, [&] { launch("limit.read", tensors); });
    std::printf("copy: %.0f GB/s read and written, by a kernel %.0f GB/s; read: %.0f GB/s\n", 2e-9 * bytes / copied, 2e-9 * bytes / byKernel, 1e-9 * bytes / read);
  }

  void run(const Shape& shape) {
    const int64_t matrixBytes = bytesOf(weightType_, shape.outs * shape.depth), callBytes = shape.weights * matrixBytes;
    const int copies = static_cast<int>(callBytes * 4 > int64_t{256} << 20 ? 4 : (int64_t{256} << 20) / callBytes + 1);
    const Numbers weights(static_cast<size_t>(copies * callBytes));
    for (const int64_t rows : rowCounts) {
      // A head computes f32 logits.
      const DType outType = shape.outs == 32000 ? DType::f32 : activations_;
      const int64_t outBytes = bytesOf(outType, rows * shape.outs);
      const Numbers x(static_cast<size_t>(bytesOf(activations_, rows * shape.depth))), y(static_cast<size_t>(shape.outputs * outBytes));
      int next = 0;
      const auto call = [&] {
        std::vector<Tensor> tensors{matrix(x.at(), activations_, rows, shape.depth)};
        for (int i = 0; i < shape.weights; i++) {
          tensors.push_back(matrix(weights.at(next % copies * callBytes + i * matrixBytes), weightType_, shape.outs, shape.depth));
        }
        tensors.resize(tensors.size() + shape.weights);
        for (int i = 0; i < shape.outputs; i++) tensors.push_back(matrix(y.at(i * outBytes), outType, rows, shape.outs));
        next++;
        launch(shape.op, tensors);
      };
      call();
      check(cudaStreamSynchronize(stream_), shape.op);
      // So many that the start of the graph is little beside them.
      const double seconds = time(rows > 128 ? 2 * copies : std::max(48 / copies * copies, 2 * copies), call);
      std::printf("%-11s %5lld x %5lld  rows %4lld  %8.1f us  %6.0f GB/s  %6.1f TFLOP/s\n", shape.op, static_cast<long long>(shape.outs),
                  static_cast<long long>(shape.depth), static_cast<long long>(rows), 1e6 * seconds, 1e-9 * callBytes / seconds,
                  2e-12 * rows * shape.outs * shape.depth * shape.weights / seconds);
    }
  }

 private:
  void launch(const char* op, const std::vector<Tensor>& tensors) {
    const double as = -1;
    char message[256] = "";
    const Call call{tensors.data(), static_cast<int32_t>(tensors.size()), &as, 1, machine_, scratch_, blasLt_.get(), {}, stream_, message, sizeof message, settled_};
    for (const KernelEntry& entry : kernels_) {
      if (entry.op != op) continue;
      if (!entry.kernel(call)) throw CudaError(message);
      return;
    }
    throw CudaError(std::string("no kernel for ") + op);
  }

  // Seconds a call, by the best of five runs of a graph of `count` calls.
  template <typename Body>
  double time(int count, Body&& body) {
    scratch_.freeze(true);
    check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), "capture");
    settled_ = ~0u;
    for (int i = 0; i < count; i++) body();
    settled_ = 0;
    cudaGraph_t graph;
    check(cudaStreamEndCapture(stream_, &graph), "capture");
    scratch_.freeze(false);
    cudaGraphExec_t program;
    check(cudaGraphInstantiate(&program, graph, 0), "graph");
    float best = 1e30f;
    for (int i = 0; i < 6; i++) {
      float milliseconds;
      check(cudaEventRecord(begin_, stream_), "event");
      check(cudaGraphLaunch(program, stream_), "graph");
      check(cudaEventRecord(end_, stream_), "event");
      check(cudaStreamSynchronize(stream_), "graph");
      check(cudaEventElapsedTime(&milliseconds, begin_, end_), "event");
      if (i > 0 && milliseconds < best) best = milliseconds;
    }
    cudaGraphExecDestroy(program);
    cudaGraphDestroy(graph);
    return 1e-3 * best / count;
  }

  const DType weightType_, activations_;
  Machine machine_;
  cudaStream_t stream_;
  uint32_t settled_ = 0;
  cudaEvent_t begin_, end_;
  const std::vector<KernelEntry> kernels_ = allKernels();
  const std::unique_ptr<BlasLt> blasLt_ = BlasLt::open();
  GrowingScratch scratch_{[](void* address) { cudaFree(address); }};
};

}  // namespace
}  // namespace whittle::cuda

int main(int count, char** arguments) {
  using whittle::DType;
  const bool library = count > 1 && std::strcmp(arguments[count - 1], "blas") == 0;
  if (library) count--;
  const char* name = count > 1 ? arguments[1] : "bf16";
  constexpr std::pair<const char*, DType> types[] = {{"bf16", DType::bf16}, {"f16", DType::f16}, {"f32", DType::f32}, {"q8_0", DType::q8_0}, {"q4_0", DType::q4_0}};
  try {
    for (const auto& [known, type] : types) {
      if (std::strcmp(name, known) != 0) continue;
      whittle::cuda::Bench bench(type, library);
      bench.limits();
      for (const auto& shape : whittle::cuda::shapes) bench.run(shape);
      return 0;
    }
    std::fprintf(stderr, "linear-bench: %s is not bf16, f16, f32, q8_0 or q4_0\n", name);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "linear-bench: %s\n", error.what());
  }
  return 1;
}
