// What the emulator is for: each of these kernels has a mistake, and must be found out; or is right, and must pass. And what no emulator can find, as its kernels
// run one after another: which tensors a program's kernels may read early. Exit code 0: so it was.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "../../cuda-runtime/settled.h"
#include "../../cuda/platform.cuh"
#include "kernels.h"

namespace whittle::cuda {

namespace {

int failures = 0;

void expect(bool condition, const char* what, const std::string& got) {
  std::printf("%s: %s%s%s\n", what, condition ? "as expected" : "NOT AS EXPECTED", got.empty() ? "" : ": ", got.c_str());
  failures += !condition;
}

// What a launch of one block of 64 threads comes to: its error, or an empty string; the order of threads turned round or not.
template <typename... Parameters>
std::string launched(bool backward, void (*kernel)(Parameters...), std::type_identity_t<Parameters>... arguments) {
  emulator::runBackward(backward);
  const cudaError_t status = emulator::launch(nullptr, kernel, dim3(1), dim3(64), 4096, arguments...);
  return status == cudaSuccess ? "" : cudaGetErrorString(status);
}

// The error that both orders end with.
template <typename... Parameters>
void expectError(const char* part, void (*kernel)(Parameters...), std::type_identity_t<Parameters>... arguments) {
  for (const bool backward : {false, true}) {
    const std::string error = launched(backward, kernel, arguments...);
    const bool named = error.find("Kernel, block (0, 0, 0), thread (") != std::string::npos;
    expect(named && error.find(part) != std::string::npos, part, error);
  }
}

// Runs a kernel that turns 64 numbers round; whether both orders do.
bool reverses(void (*kernel)(const float*, float*)) {
  bool right = true;
  for (const bool backward : {false, true}) {
    alignas(16) float from[64];
    alignas(16) float to[64] = {};
    for (int i = 0; i < 64; i++) from[i] = static_cast<float>(i);
    if (const std::string error = launched(backward, kernel, from, to); !error.empty()) {
      expect(false, "a kernel that turns numbers round", error);
      return false;
    }
    for (int i = 0; i < 64; i++) right = right && to[i] == from[63 - i];
  }
  return right;
}

void checkProduct() {
  std::vector<float> a(16 * 16), b(16 * 8), got(16 * 8);
  for (size_t i = 0; i < a.size(); i++) a[i] = static_cast<float>(i * 7 % 13) - 6;
  for (size_t i = 0; i < b.size(); i++) b[i] = static_cast<float>(i * 5 % 11) - 5;
  for (const bool half : {false, true}) {
    const std::string error = launched(false, productKernel, a.data(), b.data(), got.data(), half);
    bool right = error.empty();
    for (size_t row = 0; row < 16; row++) {
      for (size_t column = 0; column < 8; column++) {
        float sum = 0;
        for (size_t k = 0; k < 16; k++) sum += a[row * 16 + k] * b[k * 8 + column];
        right = right && got[row * 8 + column] == sum;
      }
    }
    expect(right, half ? "a product of f16 matrices" : "a product of bf16 matrices", error);
  }
}

// Whether a group's product, taken twice, is what it should be.
bool multipliesAsGroup(void (*kernel)(const float*, const float*, float*)) {
  std::vector<float> a(16 * 16), b(64 * 16), got(64 * 16);
  for (size_t i = 0; i < a.size(); i++) a[i] = static_cast<float>(i * 7 % 13) - 6;
  for (size_t i = 0; i < b.size(); i++) b[i] = static_cast<float>(i * 5 % 11) - 5;
  emulator::runBackward(false);
  bool right = emulator::launch(nullptr, kernel, dim3(1), dim3(64), 17 * 1024, a.data(), b.data(), got.data()) == cudaSuccess;
  for (size_t row = 0; row < 64; row++) {
    for (size_t line = 0; line < 16; line++) {
      float sum = 0;
      for (size_t k = 0; k < 16; k++) sum += a[line * 16 + k] * b[row * 16 + k];
      right = right && got[row * 16 + line] == 2 * sum;
    }
  }
  return right;
}

void checkGraph() {
  float from[64];
  float to[64] = {};
  for (int i = 0; i < 64; i++) from[i] = static_cast<float>(i);
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t program;
  cudaStreamCreate(&stream);
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal);
  emulator::launch(stream, reverseKernel, dim3(1), dim3(64), 4096, from, to);
  void* memory = nullptr;
  expect(cudaMalloc(&memory, 1) == cudaErrorStreamCaptureUnsupported, "cudaMalloc during a capture", "");
  cudaStreamEndCapture(stream, &graph);
  expect(to[0] == 0, "a captured launch does not run", "");
  cudaGraphInstantiate(&program, graph, 0);
  cudaGraphDestroy(graph);
  from[63] = 100;
  cudaGraphLaunch(program, stream);
  expect(to[0] == 100, "a graph reads what is there when it runs", "");
  cudaGraphExecDestroy(program);
  cudaStreamDestroy(stream);
}

void checkLimits() {
  const auto status = [](dim3 grid, dim3 block, size_t sharedBytes) {
    return emulator::launch(nullptr, nothingKernel, grid, block, sharedBytes);
  };
  expect(status(dim3(1), dim3(1024), 227 << 10) == cudaSuccess, "the largest block", "");
  expect(status(dim3(1), dim3(1025), 0) != cudaSuccess, "too large a block", "");
  expect(status(dim3(1, 65536), dim3(1), 0) != cudaSuccess, "too high a grid", "");
  expect(status(dim3(1), dim3(1), (227 << 10) + 1) != cudaSuccess, "too much shared memory", "");
}

// A `run` of one op from an f32 matrix of 4 x 4 to another, which the first input may be as well; addresses in bytes.
std::vector<double> runOf(double from, double to, bool inPlace) {
  std::vector<double> words{static_cast<double>(Opcode::run), 0, 1, inPlace ? 0.0 : 1.0, 0, inPlace ? 1.0 : 0.0};
  for (const double address : {from, to}) words.insert(words.end(), {address, static_cast<double>(DType::f32), 2, 4, 4, 4, 1, 1});
  return words;
}

void checkSettled() {
  Settled settled;
  const auto next = [&](double from, double to, bool inPlace = false) {
    const std::vector<double> words = runOf(from, to, inPlace);
    return settled.next(RunCommand(words.data()));
  };
  expect(next(1024, 2048) == 1, "what no op of a program wrote is settled", "");
  expect(next(1024, 4096) == 1, "and stays so", "");
  expect(next(2048, 8192) == 0, "what an op wrote is not", "");
  expect(next(2048 + 60, 8192) == 0, "nor what shares its last element", "");
  expect(next(2048 + 64, 8192) == 1, "though what follows is", "");
  next(1024, 0, true);
  expect(next(1024, 8192) == 0, "what an op changed in place is not settled any more", "");
}

}  // namespace

}  // namespace whittle::cuda

int main() {
  using namespace whittle::cuda;
  alignas(16) float sixtyFour[64] = {};
  expect(reverses(reverseKernel), "with a barrier", "");
  expect(!reverses(unsynchronisedKernel), "without the barrier", "");
  expect(reverses(copyKernel), "with copies that are waited for", "");
  expect(!reverses(impatientKernel), "with copies that are not waited for", "");
  expect(reverses(bulkKernel), "with a bulk copy that is waited for", "");
  expect(!reverses(impatientBulkKernel), "with a bulk copy that is not waited for", "");
  expectError("would wait for ever: 256 bytes are on their way, 240 expected", miscountedBulkKernel, sixtyFour, sixtyFour);
  expectError("__shfl_sync, while thread", divergentShuffleKernel);
  expectError("__syncthreads, while thread", divergentBarrierKernel);
  expectError("only the whole warp is emulated", halfWarpKernel);
  expectError("not a multiple of 16", misalignedKernel);
  expectError("afterPrevious was called 0 times", hastyKernel);
  checkProduct();
  expect(multipliesAsGroup(groupKernel), "a group's product that is waited for", "");
  expect(!multipliesAsGroup(impatientGroupKernel), "a group's product that is not waited for", "");
  checkGraph();
  checkLimits();
  checkSettled();
  std::printf("emulator: %d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
