// How a running kernel says that it could not do what it was asked. The CPU's kernels look before they write; a GPU's find out as they go, and the
// device learns of it when the next read arrives. A kernel that has raised a fault goes on without touching memory that is not its own.
#pragma once

#include <cstdint>

#include "platform.cuh"

namespace whittle::cuda {

// printf formats of a fault's numbers stand in faults.cpp.
enum class Fault : int32_t {
  injected = 0,
  idOutsideTable,      // id, row, size of the table
  indexOutsideRows,    // index, place, rows
  rowWithoutNumber,    // row, columns
  targetOutside,       // target, row, size of the vocabulary
  changeOutside,       // change, row, id, rows, size of the vocabulary
  maskOutside,         // mask, row, rows
  slotOutside,         // row, slot, slots
  moveOutside,         // move, from, to
  tableOutside,        // row, table, tables
  keyOutsideTable,     // row, key, keys that a table holds
  blockOutside,        // row, block, blocks
  negativeKeys,        // row, keys
  rangeOutside,        // row, from, end, keys
  rowOutside,          // place, row, rows
  badSampling,         // row, bits of the f32 temperature
  tokenOutside,        // id, row, size of the vocabulary
  sampledOutside,      // row, place, sampled ids
};

constexpr int faultCapacity = 64;
// So many faults are kept as they come; then one of each call, so that a call with many bad rows does not hide the next one.
constexpr int keptAsTheyCome = 32;

struct FaultRecord {
  // The segment of the queue and the call within it.
  int32_t segment;
  int32_t call;
  Fault fault;
  int32_t pad;
  long long numbers[5];
};

struct FaultLog {
  // Raised faults, also those that are not kept.
  int32_t count;
  // Calls that raised one when `keptAsTheyCome` were kept; beyond the capacity not all are kept.
  int32_t crowded;
  // What runs now, and the last of the crowded calls in it (-1: none); written at the beginning of each segment.
  int32_t segment;
  int32_t lastCall;
  FaultRecord records[faultCapacity];
};

// Passed to kernels by value.
struct Faults {
  FaultLog* log;
  int32_t call;

  __device__ void raise(Fault fault, long long a = 0, long long b = 0, long long c = 0, long long d = 0, long long e = 0) const {
    int32_t place = atomicAdd(&log->count, 1);
    if (place >= keptAsTheyCome) {
      if (atomicExch(&log->lastCall, call) == call) return;
      place = keptAsTheyCome + atomicAdd(&log->crowded, 1);
    }
    if (place < faultCapacity) log->records[place] = {log->segment, call, fault, 0, {a, b, c, d, e}};
  }
};

}  // namespace whittle::cuda
