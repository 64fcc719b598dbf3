#include "kernel-registry.h"

#include <cstdarg>
#include <cstdio>
#include <map>

namespace whittle {

namespace {

// Filled by static initialisers, whose order is unknown: so a function's static.
std::vector<KernelEntry>& registrations() {
  static std::vector<KernelEntry> all;
  return all;
}

}  // namespace

KernelRegistration::KernelRegistration(const char* op, Isa isa, Kernel kernel, Beginning beginning) {
  registrations().push_back({op, isa, kernel, beginning});
}

std::vector<KernelEntry> kernelsUpTo(Isa limit) {
  std::map<std::string, KernelEntry> best;
  for (const KernelEntry& entry : registrations()) {
    if (entry.isa > limit) continue;
    auto [place, added] = best.try_emplace(entry.op, entry);
    if (!added && place->second.isa < entry.isa) place->second = entry;
  }
  std::vector<KernelEntry> kernels;
  for (auto& [op, entry] : best) kernels.push_back(entry);
  return kernels;
}

bool Call::fail(const char* format, ...) const {
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, static_cast<size_t>(messageSize), format, arguments);
  va_end(arguments);
  return false;
}

}  // namespace whittle
