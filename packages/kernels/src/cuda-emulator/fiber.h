// Stacks that the CPU switches between: what a kernel's threads run on.
#pragma once

#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <ucontext.h>
#endif

namespace whittle::cuda::emulator {

// Memory for one fiber, with a page below it that nobody may touch. `colour` moves its top, so that the tops of many stacks do not share
// cache sets.
class FiberStack {
 public:
  // Throws std::bad_alloc.
  explicit FiberStack(size_t colour);
  FiberStack(const FiberStack&) = delete;
  FiberStack& operator=(const FiberStack&) = delete;
  ~FiberStack();

  uint8_t* bottom() const { return bottom_; }
  uint8_t* top() const { return top_; }
  size_t size() const { return static_cast<size_t>(top_ - bottom_); }
  // Forgets what a sanitizer knows of abandoned frames.
  void clear();

 private:
  uint8_t* mapping_;
  uint8_t* bottom_;
  uint8_t* top_;
};

// Where a fiber, or the thread that runs them, stopped. Two fibers may switch only on the same thread.
struct Context {
#if defined(__x86_64__) || defined(__aarch64__)
  void* stack = nullptr;
#else
  ucontext_t context;
#endif
  // The address sanitizer's own view of the stack.
  void* shadow = nullptr;
  const void* bottom = nullptr;
  size_t size = 0;
};

// `entry` runs at the first switch to the context, and never returns.
void prepare(Context& context, FiberStack& stack, void (*entry)());
// Stops here until `to` switches back. `last`: it will not.
void switchTo(Context& from, Context& to, bool last = false);
// The first thing that an entry does; `origin` switched to it.
void arrived(Context& context, Context& origin);

}  // namespace whittle::cuda::emulator
