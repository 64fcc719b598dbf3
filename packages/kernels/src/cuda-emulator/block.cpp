#include "block.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <utility>

#include "kernel-name.h"
#include "language.h"

namespace whittle::cuda::emulator {

namespace {

constexpr size_t sharedAlignment = 128;

uint3 placeOf(uint64_t linear, const dim3& size) {
  return {static_cast<unsigned>(linear % size.x), static_cast<unsigned>(linear / size.x % size.y),
          static_cast<unsigned>(linear / size.x / size.y)};
}

std::string text(const uint3& place) {
  return "(" + std::to_string(place.x) + ", " + std::to_string(place.y) + ", " + std::to_string(place.z) + ")";
}

}  // namespace

Block& Block::current() {
  static thread_local Block block;
  return block;
}

std::string Block::runAll(const Grid& grid, bool backward) {
  Block& block = current();
  block.prepare(grid);
  const uint64_t blocks = uint64_t{grid.grid.x} * grid.grid.y * grid.grid.z;
  for (uint64_t i = 0; i < blocks && block.failure_.empty(); i++) {
    block.run(placeOf(backward ? blocks - 1 - i : i, grid.grid), (i % 2 == 1) != backward);
  }
  return std::exchange(block.failure_, {});
}

void Block::prepare(const Grid& grid) {
  grid_ = &grid;
  count_ = static_cast<int>(grid.block.x * grid.block.y * grid.block.z);
  while (threads_.size() < static_cast<size_t>(count_)) {
    Thread thread{};
    thread.stack = std::make_unique<FiberStack>(threads_.size());
    threads_.push_back(std::move(thread));
  }
  for (int i = 0; i < count_; i++) threadAt(i).index = placeOf(static_cast<uint64_t>(i), grid.block);
  warps_.resize(static_cast<size_t>((count_ + warpThreads - 1) / warpThreads));
  if (sharedCapacity_ < grid.sharedBytes || !sharedMemory_) {
    sharedCapacity_ = grid.sharedBytes;
    sharedMemory_ = std::make_unique<uint8_t[]>(sharedCapacity_ + sharedAlignment);
  }
  // It ends where the allocation ends, as far as the alignment lets it, so that a sanitizer sees what lies beyond.
  uint8_t* const end = sharedMemory_.get() + sharedCapacity_ + sharedAlignment;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(end - grid.sharedBytes) / sharedAlignment * sharedAlignment;
  shared_ = reinterpret_cast<uint8_t*>(begin);
  blockDim = grid.block;
  gridDim = grid.grid;
}

void Block::run(uint3 index, bool backward) {
  blockIdx = index;
  std::memset(shared_, 0xff, grid_->sharedBytes);
  barriers_ = 0;
  votes_[0] = votes_[1] = 0;
  for (int i = 0; i < count_; i++) {
    Thread& thread = threadAt(i);
    thread.state = State::fresh;
    thread.begun = 0;
    thread.copies.clear();
    thread.products.clear();
  }
  for (Warp& warp : warps_) {
    warp.meetings = 0;
    warp.backward = backward;
  }
  const int warps = static_cast<int>(warps_.size());
  for (;;) {
    const bool turned = backward != (barriers_ % 2 == 1);
    for (int i = 0; i < warps && failure_.empty(); i++) runWarp(turned ? warps - 1 - i : i);
    if (!failure_.empty()) {
      for (Thread& thread : threads_) thread.stack->clear();
      return;
    }
    const auto begin = threads_.begin();
    if (std::all_of(begin, begin + count_, [](const Thread& thread) { return thread.state == State::ended; })) return;
    release();
  }
}

// Runs a warp's threads until all of them have ended or wait for the block.
void Block::runWarp(int warp) {
  Warp& own = warps_[static_cast<size_t>(warp)];
  const int first = warp * warpThreads;
  const int lanes = lanesOf(warp);
  for (;;) {
    for (int i = 0; i < lanes; i++) {
      const int thread = first + (own.backward ? lanes - 1 - i : i);
      const State state = threadAt(thread).state;
      if (state == State::fresh || state == State::ready) resume(thread);
      if (!failure_.empty()) return;
    }
    own.backward = !own.backward;
    const auto begin = threads_.begin() + first;
    const auto waits = [](const Thread& thread) { return thread.state == State::atMeeting; };
    const auto some = std::find_if(begin, begin + lanes, waits);
    if (some == begin + lanes) return;
    const Meeting* meeting = some->meeting;
    const auto other = std::find_if_not(begin, begin + lanes, [&](const Thread& t) { return waits(t) && t.meeting == meeting; });
    if (other != begin + lanes) {
      const int here = static_cast<int>(some - threads_.begin());
      const int there = static_cast<int>(other - threads_.begin());
      failure_ = nameOf(here) + " is at " + meeting->name + ", while thread " + text(other->index) + " of the same warp is at " +
                 whereabouts(there);
      return;
    }
    if (meeting->perform) meeting->perform(own.slots[own.meetings % 2]);
    own.meetings++;
    for (int i = 0; i < lanes; i++) begin[i].state = State::ready;
  }
}

// All threads have ended or wait for the block.
void Block::release() {
  int waiting = -1;
  int ended = -1;
  for (int i = 0; i < count_; i++) (threadAt(i).state == State::ended ? ended : waiting) = i;
  if (ended >= 0) {
    failure_ = nameOf(waiting) + " is at __syncthreads, while thread " + text(threadAt(ended).index) + " is at its end";
    return;
  }
  for (int i = 0; i < count_; i++) threadAt(i).state = State::ready;
  barriers_++;
  votes_[barriers_ % 2] = 0;
}

void Block::enter() {
  Block& block = current();
  Thread& self = block.threadAt(block.running_);
  arrived(self.context, block.scheduler_);
  block.grid_->body(block.grid_->arguments);
  if (self.begun != 1) block.fail("afterPrevious was called %d times instead of once", self.begun);
  self.state = State::ended;
  switchTo(self.context, block.scheduler_, true);
}

void Block::resume(int thread) {
  Thread& next = threadAt(thread);
  if (next.state == State::fresh) emulator::prepare(next.context, *next.stack, enter);
  running_ = thread;
  threadIdx = next.index;
  switchTo(scheduler_, next.context);
}

void Block::wait(State state) {
  Thread& self = threadAt(running_);
  self.state = state;
  switchTo(self.context, scheduler_);
}

const Slots& Block::meet(const Meeting& meeting, uint64_t value) {
  Warp& warp = warps_[static_cast<size_t>(running_ / warpThreads)];
  Slots& slots = warp.slots[warp.meetings % 2];
  slots[lane()] = value;
  threadAt(running_).meeting = &meeting;
  wait(State::atMeeting);
  return slots;
}

int Block::synchronize(bool vote) {
  int& votes = votes_[barriers_ % 2];
  votes += vote;
  wait(State::atBarrier);
  return votes;
}

void Block::beginKernel() {
  threadAt(running_).begun++;
}

void Block::fail(const char* format, ...) {
  char message[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  failure_ = nameOf(running_) + ": " + message;
  Thread& self = threadAt(running_);
  self.state = State::ended;
  switchTo(self.context, scheduler_, true);
  __builtin_unreachable();
}

int Block::lanesOf(int warp) const {
  return std::min(warpThreads, count_ - warp * warpThreads);
}

const char* Block::whereabouts(int thread) const {
  const Thread& other = threadAt(thread);
  switch (other.state) {
    case State::atMeeting:
      return other.meeting->name;
    case State::atBarrier:
      return "__syncthreads";
    default:
      return "its end";
  }
}

std::string Block::nameOf(int thread) const {
  return kernelName(grid_->kernel) + ", block " + text(blockIdx) + ", thread " + text(threadAt(thread).index);
}

}  // namespace whittle::cuda::emulator
