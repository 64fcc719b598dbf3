#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define WHITTLE_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WHITTLE_ADDRESS_SANITIZER
#endif
#endif
#ifdef WHITTLE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace whittle::cuda::emulator {

namespace {

constexpr size_t stackBytes = size_t{256} << 10;
constexpr size_t colours = 61;
constexpr size_t colourBytes = 1088;

}  // namespace

FiberStack::FiberStack(size_t colour) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* raw = mmap(nullptr, page + stackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<uint8_t*>(raw);
  mprotect(mapping_, page, PROT_NONE);
  bottom_ = mapping_ + page;
  top_ = bottom_ + stackBytes - colour % colours * colourBytes;
}

FiberStack::~FiberStack() {
  munmap(mapping_, static_cast<size_t>(bottom_ - mapping_) + stackBytes);
}

void FiberStack::clear() {
#ifdef WHITTLE_ADDRESS_SANITIZER
  __asan_unpoison_memory_region(bottom_, stackBytes);
#endif
}

// The C library's swapcontext asks the kernel about signals at every switch, which costs as much as a hundred switches; so where we can,
// only the registers that a function must keep are saved.
#if defined(__x86_64__)

extern "C" __attribute__((visibility("hidden"))) void whittleSwitchStack(void** from, void* to) __asm__("whittle_switch_stack");
__asm__(R"(
.text
.p2align 4
whittle_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
)");

namespace {

void* firstFrame(uint8_t* top, void (*entry)()) {
  auto** frame = reinterpret_cast<void**>(top) - 8;
  // Six registers, where to go, and the address that the entry would return to: none.
  for (int i = 0; i < 8; i++) frame[i] = nullptr;
  frame[6] = reinterpret_cast<void*>(entry);
  return frame;
}

}  // namespace

#elif defined(__aarch64__)

extern "C" __attribute__((visibility("hidden"))) void whittleSwitchStack(void** from, void* to) __asm__("whittle_switch_stack");
__asm__(R"(
.text
.p2align 2
whittle_switch_stack:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
)");

namespace {

void* firstFrame(uint8_t* top, void (*entry)()) {
  auto** frame = reinterpret_cast<void**>(top) - 20;
  for (int i = 0; i < 20; i++) frame[i] = nullptr;
  // x30, where `ret` goes.
  frame[11] = reinterpret_cast<void*>(entry);
  return frame;
}

}  // namespace

#endif

void prepare(Context& context, FiberStack& stack, void (*entry)()) {
  context.shadow = nullptr;
  context.bottom = stack.bottom();
  context.size = stack.size();
#if defined(__x86_64__) || defined(__aarch64__)
  context.stack = firstFrame(stack.top(), entry);
#else
  getcontext(&context.context);
  context.context.uc_stack.ss_sp = stack.bottom();
  context.context.uc_stack.ss_size = stack.size();
  context.context.uc_link = nullptr;
  makecontext(&context.context, entry, 0);
#endif
}

void switchTo(Context& from, Context& to, [[maybe_unused]] bool last) {
#ifdef WHITTLE_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(last ? nullptr : &from.shadow, to.bottom, to.size);
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  whittleSwitchStack(&from.stack, to.stack);
#else
  swapcontext(&from.context, &to.context);
#endif
  arrived(from, to);
}

void arrived([[maybe_unused]] Context& context, [[maybe_unused]] Context& origin) {
#ifdef WHITTLE_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(context.shadow, &origin.bottom, &origin.size);
#endif
}

}  // namespace whittle::cuda::emulator
