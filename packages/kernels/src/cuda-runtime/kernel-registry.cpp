#include "kernel-registry.h"

#include <cstdarg>
#include <cstdio>
#include <map>
#include <utility>

namespace whittle::cuda {

namespace {

// Filled by static initialisers, whose order is unknown: so a function's static.
std::map<std::string, Kernel>& registrations() {
  static std::map<std::string, Kernel> all;
  return all;
}

std::map<std::pair<std::string, std::string>, Fusion>& fusions() {
  static std::map<std::pair<std::string, std::string>, Fusion> all;
  return all;
}

}  // namespace

KernelRegistration::KernelRegistration(const char* op, Kernel kernel) {
  registrations()[op] = kernel;
}

FusionRegistration::FusionRegistration(const char* first, const char* second, Fusion fusion) {
  fusions()[{first, second}] = fusion;
}

std::vector<KernelEntry> allKernels() {
  std::vector<KernelEntry> kernels;
  for (const auto& [op, kernel] : registrations()) kernels.push_back({op, kernel});
  return kernels;
}

Fusion fusionOf(const std::string& first, const std::string& second) {
  const auto found = fusions().find({first, second});
  return found == fusions().end() ? nullptr : found->second;
}

bool Call::fail(const char* format, ...) const {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, static_cast<size_t>(messageSize), format, arguments);
  va_end(arguments);
  return false;
}

}  // namespace whittle::cuda
