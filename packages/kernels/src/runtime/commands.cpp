#include "commands.h"

#include <exception>

namespace whittle {

namespace {

size_t payloadWords(double bytes) {
  return (static_cast<size_t>(bytes) + 7) / 8;
}

Tensor tensorAt(const double* words) {
  Tensor tensor;
  tensor.data = pointerAt<void>(words);
  tensor.dtype = static_cast<DType>(static_cast<int32_t>(words[1]));
  tensor.rank = static_cast<int32_t>(words[2]);
  tensor.rowStride = static_cast<int64_t>(words[3]);
  for (int i = 0; i < 4; i++) tensor.dims[i] = static_cast<int64_t>(words[4 + i]);
  return tensor;
}

}  // namespace

size_t commandWords(const double* words) {
  switch (opcodeOf(words)) {
    case Opcode::run:
      return runWords + static_cast<size_t>(words[2] + words[3]) * tensorWords + static_cast<size_t>(words[4]);
    case Opcode::write:
      return 3 + payloadWords(words[2]);
    case Opcode::load:
      return 5 + payloadWords(words[4]);
    case Opcode::writeOutside:
      return 4;
    case Opcode::read:
      return 3 + extentWords;
    case Opcode::release:
    case Opcode::zero:
    case Opcode::fail:
    case Opcode::programBegin:
    case Opcode::programEnd:
    case Opcode::forget:
      return 3;
    case Opcode::heal:
      return 1 + extentWords;
    case Opcode::programPlace:
      return 5;
    case Opcode::replay:
      return 3 + static_cast<size_t>(words[2]);
  }
  std::terminate();
}

Extent extentAt(const double* words) {
  return {static_cast<uint64_t>(words[0]), static_cast<int64_t>(words[1]), static_cast<int64_t>(words[2]), static_cast<int64_t>(words[3])};
}

Extent extentOf(const Tensor& tensor) {
  return {reinterpret_cast<uint64_t>(tensor.data), tensor.rows(), bytesOf(tensor.dtype, tensor.columns()),
          bytesOf(tensor.dtype, tensor.rowStride)};
}

RunCommand::RunCommand(const double* words)
    : kernel(static_cast<int>(words[1])),
      inputs(static_cast<int>(words[2])),
      outputs(static_cast<int>(words[3])),
      attributeCount(static_cast<int>(words[4])),
      mutated(static_cast<uint32_t>(words[5])) {
  for (int i = 0; i < tensorCount(); i++) tensors[i] = tensorAt(words + runWords + static_cast<size_t>(i) * tensorWords);
  attributes = words + runWords + static_cast<size_t>(tensorCount()) * tensorWords;
}

std::shared_ptr<const Failure> failureReaching(const PoisonMap& poison, const RunCommand& run) {
  std::shared_ptr<const Failure> failure;
  if (poison.empty()) return failure;
  for (int i = 0; i < run.inputs && !failure; i++) {
    if (run.tensors[i].present()) failure = poison.find(extentOf(run.tensors[i]));
  }
  return failure;
}

void settle(PoisonMap& poison, const RunCommand& run, const std::shared_ptr<const Failure>& failure) {
  if (failure) {
    for (int i = 0; i < run.tensorCount(); i++) {
      if (run.writes(i) && run.tensors[i].present()) poison.add(extentOf(run.tensors[i]), failure);
    }
  } else if (!poison.empty()) {
    for (int i = run.inputs; i < run.tensorCount(); i++) poison.remove(extentOf(run.tensors[i]));
  }
}

}  // namespace whittle
