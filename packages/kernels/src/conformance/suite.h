// What the conformance programs share: which cases they run, and how they count and report.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "case-file.h"

namespace whittle::conformance {

// <file or folder of *.cases>… [--op <name>]… [--isa <name>]…
struct Arguments {
  std::vector<std::string> files;
  // Empty: all.
  std::vector<std::string> ops;
  std::vector<std::string> isas;
};

// Throws std::runtime_error.
Arguments parseArguments(int count, char** arguments);

class Suite {
 public:
  // Why a case does not pass, empty if it does; nothing if the op has no kernel.
  using Check = std::function<std::optional<std::string>(const Case& item)>;

  explicit Suite(Arguments arguments) : arguments_(std::move(arguments)) {}

  // Checks all cases. May be called several times. Throws what reading the files throws.
  void run(const Check& check);
  // Reports; the program's exit code. An op that was asked for by name must have a kernel.
  int finish() const;

 private:
  struct Tally {
    int cases = 0;
    int failures = 0;
    int missing = 0;
  };

  const Arguments arguments_;
  std::map<std::string, Tally> tallies_;
};

}  // namespace whittle::conformance
