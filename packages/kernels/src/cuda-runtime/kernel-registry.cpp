#include "kernel-registry.h"

#include <cstdarg>
#include <cstdio>
#include <map>

namespace whittle::cuda {

namespace {

// Filled by static initialisers, whose order is unknown: so a function's static.
std::map<std::string, Kernel>& registrations() {
  static std::map<std::string, Kernel> all;
  return all;
}

}  // namespace

KernelRegistration::KernelRegistration(const char* op, Kernel kernel) {
  registrations()[op] = kernel;
}

std::vector<KernelEntry> allKernels() {
  std::vector<KernelEntry> kernels;
  for (const auto& [op, kernel] : registrations()) kernels.push_back({op, kernel});
  return kernels;
}

bool Call::fail(const char* format, ...) const {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, static_cast<size_t>(messageSize), format, arguments);
  va_end(arguments);
  return false;
}

}  // namespace whittle::cuda
