// Replays case files on every kernel build that runs here and on several numbers of threads: each result must keep to its bound, and be the
// same to the bit whatever the number of threads. Usage: conformance <file or folder>… [--op <name>]
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <vector>

#include "../../runtime/isa.h"
#include "../suite.h"
#include "replay.h"

namespace {

using namespace whittle;
using namespace whittle::conformance;

std::string check(const Case& item, const KernelEntry& kernel) {
  std::vector<uint8_t> first;
  for (int32_t threads : {1, 2, 3, 8}) {
    const Outcome outcome = replay(item, kernel, threads);
    const std::string on = std::string(" (") + nameOf(kernel.isa) + ", " + std::to_string(threads) + " threads)";
    if (!outcome.complaint.empty()) return outcome.complaint + on;
    if (threads == 1) {
      first = outcome.content;
    } else if (outcome.content != first) {
      return "differs from the result on one thread" + on;
    }
  }
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  try {
    Suite suite(parseArguments(count, arguments));
    for (Isa isa : allIsas) {
      if (!runsHere(isa)) {
        std::printf("%s does not run here: left out\n", nameOf(isa));
        continue;
      }
      std::map<std::string, KernelEntry> kernels;
      for (const KernelEntry& entry : kernelsUpTo(isa)) kernels.emplace(entry.op, entry);
      suite.run([&](const Case& item) {
        const auto kernel = kernels.find(item.op);
        // The CPU has them all.
        return kernel == kernels.end() ? "has no kernel" : check(item, kernel->second);
      });
    }
    return suite.finish();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "conformance: %s\n", error.what());
    return 2;
  }
}
