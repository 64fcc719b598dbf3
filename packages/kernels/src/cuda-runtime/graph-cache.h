// Programs of the GPU for stretches of ops that came before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "../cuda/platform.cuh"

namespace whittle::cuda {

// A stretch of `run` commands: what is launched, on which memory, with which numbers.
struct Segment {
  std::vector<const double*> runs;
  // Words of each run.
  std::vector<size_t> lengths;
  uint64_t hash = 0;

  void clear();
  void add(const double* run, size_t words);
};

// The most recently used programs, by the words of their segments. For the queue's thread.
class GraphCache {
 public:
  // `retire` is called with programs that gave way and may still run.
  using Retire = std::function<void(cudaGraphExec_t program)>;

  GraphCache(size_t capacity, Retire retire) : capacity_(capacity), retire_(std::move(retire)) {}
  GraphCache(const GraphCache&) = delete;
  GraphCache& operator=(const GraphCache&) = delete;
  // No program runs any more.
  ~GraphCache();

  struct Entry {
    uint64_t hash;
    std::vector<double> words;
    // Null: it cannot be made into a program.
    cudaGraphExec_t program;
  };

  // Null when there is none.
  const Entry* find(const Segment& segment);
  // Whether the segment came before; from now on it did.
  bool cameBefore(const Segment& segment);
  // Takes the program over. The one used longest ago goes when there are too many.
  const Entry& add(const Segment& segment, cudaGraphExec_t program);
  // Forgets all programs.
  void clear();

 private:
  void remove(std::list<Entry>::iterator entry);

  const size_t capacity_;
  const Retire retire_;
  // Most recently used first.
  std::list<Entry> entries_;
  std::unordered_multimap<uint64_t, std::list<Entry>::iterator> byHash_;
  std::unordered_set<uint64_t> seen_;
};

}  // namespace whittle::cuda
