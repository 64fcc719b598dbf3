// Replays case files on the CUDA kernels, twice: each result must keep to its bound, and be the same to the bit when it runs again.
// Usage: conformance-cuda <file or folder>… [--op <name>]…
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "../suite.h"
#include "replay.h"

int main(int count, char** arguments) {
  using namespace whittle;
  try {
    const conformance::Arguments wanted = conformance::parseArguments(count, arguments);
    if (!wanted.isas.empty()) throw std::runtime_error("--isa is for the CPU's kernels");
    conformance::Suite suite(wanted);
    std::map<std::string, cuda::Kernel> kernels;
    for (const cuda::KernelEntry& entry : cuda::allKernels()) kernels.emplace(entry.op, entry.kernel);
    cuda::Replayer replayer;
    std::printf("on %s\n", replayer.device().c_str());
    suite.run([&](const conformance::Case& item) -> std::optional<std::string> {
      const auto kernel = kernels.find(item.op);
      if (kernel == kernels.end()) return std::nullopt;
      return replayer.check(item, kernel->second);
    });
    return suite.finish();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "conformance: %s\n", error.what());
    return 2;
  }
}
