#include "faults.h"

#include <bit>
#include <cstdio>

namespace whittle::cuda {

namespace {

// Five numbers, of which a format may leave out the last ones.
const char* formatOf(Fault fault) {
  switch (fault) {
    case Fault::injected:
      return "made to fail";
    case Fault::idOutsideTable:
      return "id %lld in row %lld is outside of the table of %lld rows";
    case Fault::indexOutsideRows:
      return "index %lld at %lld is outside of %lld rows";
    case Fault::rowWithoutNumber:
      return "row %lld holds no number (of %lld columns)";
    case Fault::targetOutside:
      return "target %lld in row %lld is outside of the vocabulary of %lld";
    case Fault::changeOutside:
      return "change %lld is at row %lld, id %lld, but there are %lld rows of %lld";
    case Fault::maskOutside:
      return "mask %lld is for row %lld of %lld";
    case Fault::slotOutside:
      return "row %lld goes to slot %lld of %lld";
    case Fault::moveOutside:
      return "move %lld goes from %lld to %lld, but there are not so many rows";
    case Fault::tableOutside:
      return "row %lld uses table %lld of %lld";
    case Fault::keyOutsideTable:
      return "row %lld sees key %lld, but a table holds %lld";
    case Fault::blockOutside:
      return "row %lld sees block %lld of %lld";
    case Fault::negativeKeys:
      return "row %lld sees %lld keys";
    case Fault::rangeOutside:
      return "row %lld sees keys %lld to %lld of %lld";
    case Fault::rowOutside:
      return "place %lld is for row %lld of %lld";
    case Fault::badSampling:
      // Said by `describe`.
      return "";
    case Fault::tokenOutside:
      return "id %lld of row %lld is outside of the vocabulary of %lld";
    case Fault::sampledOutside:
      return "row %lld takes sampled id %lld of %lld";
  }
  return "fault %lld %lld %lld of an unknown kind";
}

}  // namespace

std::string describe(const FaultRecord& record) {
  char text[200];
  const auto& numbers = record.numbers;
  if (record.fault == Fault::badSampling) {
    const float temperature = std::bit_cast<float>(static_cast<uint32_t>(numbers[1]));
    std::snprintf(text, sizeof text, "the temperature %g of row %lld must be 0 or more", temperature, numbers[0]);
  } else {
    std::snprintf(text, sizeof text, formatOf(record.fault), numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
  }
  return text;
}

}  // namespace whittle::cuda
