// One block of a kernel's grid: its threads as fibers, and the points where they wait for one another.
//
// A warp's threads run one after the other, each until it waits, and so do the warps of a block. The order turns round at every point where
// they meet and from block to block, so that code which needs a barrier and has none goes wrong in one block or the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async-copy.h"
#include "fiber.h"
#include "group-products.h"
#include "vectors.h"

namespace whittle::cuda::emulator {

constexpr int warpThreads = 32;

// What each thread of a warp brings to a point where all 32 meet: a value's bits or an address.
using Slots = uint64_t[warpThreads];

// Where the threads of a warp meet. Its address tells one kind from another; `perform` runs once all are there and may be null.
struct Meeting {
  const char* name;
  void (*perform)(Slots& slots);
};

// A grid to run: `body(arguments)` is what each thread does.
struct Grid {
  const void* kernel;
  dim3 grid;
  dim3 block;
  size_t sharedBytes;
  void (*body)(const void* arguments);
  const void* arguments;
};

class Block {
 public:
  // The one that is at work on this thread of the CPU.
  static Block& current();

  // Runs all blocks of a grid; `backward`: begins with the last block, and in it with the last thread. What went wrong, or an empty string.
  static std::string runAll(const Grid& grid, bool backward);

  // For kernels' threads. Waits for the warp; the slots, all filled, stay as they are until the thread comes to its next meeting but one.
  const Slots& meet(const Meeting& meeting, uint64_t value);
  // Waits for the block. The number of threads that came with `vote` set.
  int synchronize(bool vote);
  AsyncCopies& copies() { return threadAt(running_).copies; }
  GroupProducts& products() { return threadAt(running_).products; }
  // The kernel may read what those before it wrote.
  void beginKernel();
  uint8_t* shared() { return shared_; }
  // The lane of the running thread, and how many its warp has.
  int lane() const { return running_ % warpThreads; }
  int lanes() const { return lanesOf(running_ / warpThreads); }
  // Ends the grid.
  [[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 2, 3)));

 private:
  enum class State : uint8_t { fresh, ready, atMeeting, atBarrier, ended };

  struct Thread {
    Context context;
    std::unique_ptr<FiberStack> stack;
    AsyncCopies copies;
    GroupProducts products;
    uint3 index;
    State state;
    int begun;
    const Meeting* meeting;
  };

  struct Warp {
    Slots slots[2];
    unsigned meetings;
    bool backward;
  };

  Thread& threadAt(int index) { return threads_[static_cast<size_t>(index)]; }
  const Thread& threadAt(int index) const { return threads_[static_cast<size_t>(index)]; }
  static void enter();
  void prepare(const Grid& grid);
  void run(uint3 index, bool backward);
  void runWarp(int warp);
  void release();
  void resume(int thread);
  void wait(State state);
  int lanesOf(int warp) const;
  const char* whereabouts(int thread) const;
  std::string nameOf(int thread) const;

  const Grid* grid_ = nullptr;
  int count_ = 0;
  int running_ = 0;
  Context scheduler_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::unique_ptr<uint8_t[]> sharedMemory_;
  size_t sharedCapacity_ = 0;
  uint8_t* shared_ = nullptr;
  unsigned barriers_ = 0;
  int votes_[2] = {0, 0};
  std::string failure_;
};

}  // namespace whittle::cuda::emulator
