#include "replay.h"

#include <memory>
#include <vector>

#include "../../cuda-runtime/cuda-error.h"
#include "../../cuda-runtime/faults.h"
#include "memory.h"

namespace whittle::cuda {

using conformance::Case;
using conformance::CaseTensor;
using conformance::Outcome;
using conformance::spanOf;

namespace {

bool runFromGraph(const Call& call, Kernel kernel) {
  cuda::check(cudaStreamBeginCapture(call.stream, cudaStreamCaptureModeRelaxed), "capture");
  const bool launched = kernel(call);
  cudaGraph_t graph;
  cuda::check(cudaStreamEndCapture(call.stream, &graph), "capture");
  cudaGraphExec_t program;
  cuda::check(cudaGraphInstantiate(&program, graph, 0), "graph");
  const cudaError_t status = launched ? cudaGraphLaunch(program, call.stream) : cudaSuccess;
  cuda::check(cudaStreamSynchronize(call.stream), "graph");
  cuda::check(cudaGraphExecDestroy(program), "graph");
  cuda::check(cudaGraphDestroy(graph), "graph");
  return launched && (status == cudaSuccess || call.fail("%s", cudaGetErrorString(status)));
}

}  // namespace

Replayer::Replayer() {
  cuda::check(cudaSetDevice(0), "device 0");
  cudaDeviceProp properties;
  cuda::check(cudaGetDeviceProperties(&properties, 0), "device 0");
  name_ = properties.name;
  machine_ = {properties.multiProcessorCount, properties.major * 10 + properties.minor,
              static_cast<int32_t>(properties.sharedMemPerBlockOptin)};
  cuda::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
}

Replayer::~Replayer() {
  cudaStreamDestroy(stream_);
}

std::string Replayer::check(const Case& item, Kernel kernel) {
  const Outcome first = replay(item, kernel, How::launched);
  if (!first.complaint.empty()) return first.complaint;
  const Outcome second = replay(item, kernel, How::captured);
  if (!second.complaint.empty()) return second.complaint + " (from a graph)";
  return first.content == second.content ? "" : "differs from run to run";
}

Outcome Replayer::replay(const Case& item, Kernel kernel, How how) {
  std::vector<std::unique_ptr<DeviceBytes>> memory;
  std::vector<Tensor> tensors;
  for (const CaseTensor& tensor : item.tensors) {
    Tensor argument = tensor.type;
    if (tensor.present) {
      memory.push_back(std::make_unique<DeviceBytes>(spanOf(tensor.type)));
      if (!tensor.bytes.empty()) memory.back()->upload(tensor.bytes.data(), tensor.bytes.size());
      argument.data = memory.back()->data();
    }
    tensors.push_back(argument);
  }
  DeviceBytes log(sizeof(FaultLog));
  FaultLog faults{};
  faults.lastCall = -1;
  log.upload(&faults, sizeof faults);
  CaseScratch scratch;
  char message[256] = "";
  const Call call{tensors.data(),
                  static_cast<int32_t>(tensors.size()),
                  item.attributes.data(),
                  static_cast<int32_t>(item.attributes.size()),
                  machine_,
                  scratch,
                  nullptr,
                  {static_cast<FaultLog*>(log.data()), 0},
                  stream_,
                  message,
                  sizeof message,
                  // All of it came before the program.
                  how == How::captured ? ~0u : 0u};
#ifdef WHITTLE_CUDA_EMULATED
  // Two runs that should not differ had better not be the same.
  emulator::runBackward(how == How::captured);
#endif
  const bool launched = how == How::launched ? kernel(call) : runFromGraph(call, kernel);
  cuda::check(cudaStreamSynchronize(stream_), item.op.c_str());
  log.download(&faults);
  if (!scratch.ticketsLeft()) return {"left tickets behind", {}};
  if (item.fails) return {launched && faults.count == 0 ? "should have failed" : "", {}};
  if (!launched) return {std::string("failed: ") + message, {}};
  if (faults.count > 0) return {"failed: " + describe(faults.records[0]), {}};

  std::vector<std::vector<uint8_t>> host;
  size_t next = 0;
  for (Tensor& tensor : tensors) {
    if (!tensor.present()) continue;
    const DeviceBytes& bytes = *memory[next++];
    host.emplace_back(bytes.size());
    bytes.download(host.back().data());
    tensor.data = host.back().data();
  }
  return judge(item, tensors);
}

}  // namespace whittle::cuda
