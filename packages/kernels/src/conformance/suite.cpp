#include "suite.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <stdexcept>

namespace whittle::conformance {

Arguments parseArguments(int count, char** arguments) {
  Arguments parsed;
  for (int i = 1; i < count; i++) {
    const std::string argument = arguments[i];
    if (argument == "--op" || argument == "--isa") {
      if (++i == count) throw std::runtime_error(argument + " takes a name");
      (argument == "--op" ? parsed.ops : parsed.isas).push_back(arguments[i]);
    } else if (std::filesystem::is_directory(argument)) {
      for (const auto& entry : std::filesystem::directory_iterator(argument)) {
        if (entry.path().extension() == ".cases") parsed.files.push_back(entry.path().string());
      }
    } else {
      parsed.files.push_back(argument);
    }
  }
  std::sort(parsed.files.begin(), parsed.files.end());
  return parsed;
}

void Suite::run(const Check& check) {
  for (const std::string& file : arguments_.files) {
    int number = -1;
    for (const Case& item : readCases(file)) {
      number++;
      if (!arguments_.ops.empty() && std::find(arguments_.ops.begin(), arguments_.ops.end(), item.op) == arguments_.ops.end()) continue;
      Tally& tally = tallies_[item.op];
      const std::optional<std::string> complaint = check(item);
      if (!complaint) {
        tally.missing++;
        continue;
      }
      tally.cases++;
      if (complaint->empty()) continue;
      tally.failures++;
      if (tally.failures <= 5) std::printf("%s: case %d of %s: %s\n", item.op.c_str(), number, file.c_str(), complaint->c_str());
    }
  }
}

int Suite::finish() const {
  Tally sum;
  for (const auto& [op, tally] : tallies_) {
    sum.cases += tally.cases;
    sum.failures += tally.failures;
    sum.missing += tally.missing;
    if (tally.missing > 0) {
      std::printf("%-16s has no kernel: %d cases left out\n", op.c_str(), tally.missing);
    } else {
      std::printf("%-16s %6d cases, %d failed\n", op.c_str(), tally.cases, tally.failures);
    }
  }
  std::printf("%d cases, %d failed\n", sum.cases, sum.failures);
  if (sum.cases == 0 && sum.missing == 0) {
    std::fprintf(stderr, "conformance: no cases; usage: <file or folder of *.cases>... [--op <name>]...\n");
    return 2;
  }
  const bool missed = !arguments_.ops.empty() && sum.missing > 0;
  return sum.failures > 0 || missed ? 1 : 0;
}

}  // namespace whittle::conformance
