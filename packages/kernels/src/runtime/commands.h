// What JavaScript writes into the command buffer. Every word is a double: addresses fit into its 53 bits. Twin of `src/command-buffer.ts`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "poison.h"
#include "tensor.h"

namespace whittle {

enum class Opcode : int {
  // kernel, inputs, outputs, attributes, mutated (bit mask over inputs); per input and output: address (0: absent), dtype, rank,
  // rowStride (elements), 4 sizes; the attributes.
  run = 1,
  // address, bytes, then the payload in ⌈bytes / 8⌉ words.
  write = 2,
  // address, bytes, payload address: the payload belongs to the batch.
  writeOutside = 3,
  // ticket, extent, destination.
  read = 4,
  // address, bytes: memory that goes back to the system, or a file that is unmapped.
  release = 5,
  // extent: its content counts as good from here on.
  heal = 6,
  // address, bytes: set to zero.
  zero = 8,
  // kernel, calls to let pass: then one call fails. For tests of recovery.
  fail = 7,
  // address, bytes, offset in the file, bytes of its path, then the path in ⌈bytes / 8⌉ words. Where files cannot be mapped.
  load = 9,
  // program, 0: the runs that come until `programEnd` are kept under this number instead. Programs, here and below: where
  // `Queue::keepsPrograms`.
  programBegin = 10,
  // run (by its place in the program), tensor, parameter, byte offset: that tensor is found so far behind that parameter.
  programPlace = 11,
  // 0, 0.
  programEnd = 12,
  // program, count, then as many addresses: runs it with these parameters.
  replay = 13,
  // program, 0: it is not used again.
  forget = 14,
};

// An extent is four words: address, rows, rowBytes, strideBytes.
constexpr size_t extentWords = 4;
constexpr size_t tensorWords = 8;
// Of a `run`, before its tensors.
constexpr size_t runWords = 6;
constexpr int maxTensors = 16;

template <typename T>
T* pointerAt(const double* word) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(*word));
}

inline Opcode opcodeOf(const double* words) {
  return static_cast<Opcode>(static_cast<int>(words[0]));
}

// Words of a whole command: at least three.
size_t commandWords(const double* words);

Extent extentAt(const double* words);
Extent extentOf(const Tensor& tensor);

// A decoded `run`.
struct RunCommand {
  explicit RunCommand(const double* words);

  int tensorCount() const { return inputs + outputs; }
  bool writes(int tensor) const { return tensor >= inputs || (mutated >> tensor & 1u); }

  int kernel;
  int inputs;
  int outputs;
  int attributeCount;
  uint32_t mutated;
  const double* attributes;
  Tensor tensors[maxTensors];
};

// The failure that reaches an op through its inputs, or null.
std::shared_ptr<const Failure> failureReaching(const PoisonMap& poison, const RunCommand& run);
// What an op that ended in `failure` (null: it went well) leaves behind.
void settle(PoisonMap& poison, const RunCommand& run, const std::shared_ptr<const Failure>& failure);

}  // namespace whittle
