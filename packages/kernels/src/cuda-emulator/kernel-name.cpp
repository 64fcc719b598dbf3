#include "kernel-name.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace whittle::cuda::emulator {

std::string kernelName(const void* kernel) {
  Dl_info info{};
  if (dladdr(kernel, &info) == 0 || info.dli_saddr != kernel) {
    char address[32];
    std::snprintf(address, sizeof address, "kernel %p", kernel);
    return address;
  }
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status), &std::free);
  std::string text = status == 0 ? name.get() : info.dli_sname;
  // "void whittle::cuda::addKernel<float>(whittle::Tensor, …)": without what comes before and after the name.
  if (const size_t end = text.find('('); end != std::string::npos) text.resize(end);
  if (text.rfind("void ", 0) == 0) text.erase(0, 5);
  for (size_t at; (at = text.find("whittle::cuda::")) != std::string::npos;) text.erase(at, 15);
  return text;
}

}  // namespace whittle::cuda::emulator
