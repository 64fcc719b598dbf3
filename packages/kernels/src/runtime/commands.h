// What JavaScript writes into the command buffer. Every word is a double: addresses fit into its 53 bits. Twin of `src/command-buffer.ts`.
#pragma once

#include <cstddef>

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
};

// An extent is four words: address, rows, rowBytes, strideBytes.
constexpr size_t extentWords = 4;
constexpr size_t tensorWords = 8;
// Of a `run`, before its tensors.
constexpr size_t runWords = 6;
constexpr int maxTensors = 16;

}  // namespace whittle
