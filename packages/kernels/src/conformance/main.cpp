// Replays case files on every kernel build that runs here and on several numbers of threads: each result must keep to its bound, and be the
// same to the bit whatever the number of threads. Usage: conformance <file or folder>…
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "../runtime/isa.h"
#include "replay.h"

namespace {

using namespace whittle;
using namespace whittle::conformance;

struct Tally {
  int cases = 0;
  int failures = 0;
};

std::vector<std::string> caseFiles(int count, char** arguments) {
  std::vector<std::string> files;
  for (int i = 1; i < count; i++) {
    if (!std::filesystem::is_directory(arguments[i])) {
      files.emplace_back(arguments[i]);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) {
      if (entry.path().extension() == ".cases") files.push_back(entry.path().string());
    }
  }
  return files;
}

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
  std::map<std::string, Tally> tallies;
  int failures = 0;
  int cases = 0;
  try {
    const std::vector<std::string> files = caseFiles(count, arguments);
    for (Isa isa : allIsas) {
      if (!runsHere(isa)) {
        std::printf("%s does not run here: left out\n", nameOf(isa));
        continue;
      }
      std::map<std::string, KernelEntry> kernels;
      for (const KernelEntry& entry : kernelsUpTo(isa)) kernels.emplace(entry.op, entry);
      for (const std::string& file : files) {
        int number = 0;
        for (const Case& item : readCases(file)) {
          Tally& tally = tallies[item.op];
          const auto kernel = kernels.find(item.op);
          const std::string complaint = kernel == kernels.end() ? "has no kernel" : check(item, kernel->second);
          tally.cases++;
          cases++;
          if (!complaint.empty()) {
            tally.failures++;
            failures++;
            if (tally.failures <= 5) std::printf("%s: case %d of %s: %s\n", item.op.c_str(), number, file.c_str(), complaint.c_str());
          }
          number++;
        }
      }
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "conformance: %s\n", error.what());
    return 2;
  }
  for (const auto& [op, tally] : tallies) std::printf("%-16s %6d cases, %d failed\n", op.c_str(), tally.cases, tally.failures);
  std::printf("%d cases, %d failed\n", cases, failures);
  if (cases == 0) {
    std::fprintf(stderr, "conformance: no cases; usage: conformance <file or folder of *.cases>...\n");
    return 2;
  }
  return failures == 0 ? 0 : 1;
}
