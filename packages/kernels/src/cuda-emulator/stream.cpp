#include "stream.h"

#include <chrono>
#include <optional>
#include <utility>

#include "launch.h"
#include "status.h"

using namespace whittle::cuda::emulator;

struct EmulatedEvent {
  std::optional<std::chrono::steady_clock::time_point> recorded;
};

namespace {

thread_local int captures = 0;

bool captured(cudaStream_t stream) {
  return stream && stream->capture;
}

}  // namespace

namespace whittle::cuda::emulator {

bool isCapturing() {
  return captures > 0;
}

cudaError_t submit(cudaStream_t stream, std::function<cudaError_t()> work) {
  if (const cudaError_t error = deviceState()) return remember(error);
  if (!captured(stream)) return remember(work());
  stream->capture->work.push_back(std::move(work));
  return cudaSuccess;
}

}  // namespace whittle::cuda::emulator

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new EmulatedStream();
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (captured(stream)) captures -= stream->forbids;
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return remember(captured(stream) ? cudaErrorStreamCaptureUnsupported : deviceState());
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return cudaStreamSynchronize(stream);
}

cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  return remember(isCapturing() ? cudaErrorStreamCaptureUnsupported : deviceState());
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return submit(stream, [=] {
    function(data);
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new EmulatedEvent();
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return submit(stream, [=] {
    event->recorded = std::chrono::steady_clock::now();
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t) {
  return remember(deviceState());
}

cudaError_t cudaEventSynchronize(cudaEvent_t) {
  return remember(isCapturing() ? cudaErrorStreamCaptureUnsupported : deviceState());
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  if (!start->recorded || !end->recorded) return remember(cudaErrorInvalidResourceHandle);
  *milliseconds = std::chrono::duration<float, std::milli>(*end->recorded - *start->recorded).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  // The stream that everything is ordered with cannot be captured.
  if (!stream || captured(stream)) return remember(cudaErrorStreamCaptureUnsupported);
  stream->capture = std::make_unique<EmulatedGraph>();
  stream->forbids = mode != cudaStreamCaptureModeRelaxed;
  captures += stream->forbids;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  if (!captured(stream)) return remember(cudaErrorStreamCaptureUnmatched);
  *graph = stream->capture.release();
  captures -= stream->forbids;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* program, cudaGraph_t graph, unsigned long long) {
  *program = new EmulatedProgram{graph->work};
  return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t program, cudaStream_t stream) {
  return submit(stream, [program] {
    for (const auto& step : program->work) {
      if (const cudaError_t error = step()) return error;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t program) {
  delete program;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
