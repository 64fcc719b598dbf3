// Replays case files on every kernel build that runs here and on several numbers of threads: each result must keep to its bound, and be the
// same to the bit whatever the number of threads. Usage: conformance <file or folder>… [--op <name>]… [--isa <name>]…
// The first lines say which builds run; `--isa` leaves the others out.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <optional>
#include <stdexcept>
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

// Those asked for, or all that run here; says so.
std::vector<Isa> chosen(const std::vector<std::string>& names) {
  std::vector<Isa> isas;
  for (const std::string& name : names) {
    const std::optional<Isa> isa = isaNamed(name);
    if (!isa || !runsHere(*isa)) throw std::runtime_error("the instruction set " + name + (isa ? " does not run here" : " is not known"));
    isas.push_back(*isa);
  }
  if (names.empty()) {
    for (Isa isa : allIsas) {
      if (runsHere(isa)) {
        isas.push_back(isa);
      } else {
        std::printf("%s does not run here: left out\n", nameOf(isa));
      }
    }
  }
  for (Isa isa : isas) std::printf("runs %s\n", nameOf(isa));
  std::fflush(stdout);
  return isas;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Arguments wanted = parseArguments(count, arguments);
    const std::vector<Isa> isas = chosen(wanted.isas);
    Suite suite(wanted);
    for (Isa isa : isas) {
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
