#include "program.h"

namespace whittle {

void Program::add(const double* words) {
  RunCommand run(words);
  attributes_.emplace_back(run.attributes, run.attributes + run.attributeCount);
  run.attributes = attributes_.back().data();
  runs_.push_back(run);
}

void Program::place(size_t run, int tensor, size_t parameter, int64_t byteOffset) {
  places_.push_back({run, tensor, parameter, byteOffset});
}

void Program::finish(const std::function<std::optional<Upcoming>(const RunCommand&)>& beginning) {
  std::vector<std::optional<Upcoming>> own;
  for (const RunCommand& run : runs_) own.push_back(beginning(run));
  after_.assign(runs_.size(), std::nullopt);
  Upcoming next;
  for (size_t i = 2 * runs_.size(); i-- > 0;) {
    const size_t run = i % runs_.size();
    if (!own[run]) continue;
    after_[run] = next;
    next = *own[run];
  }
}

void Program::bind(const double* addresses, size_t count) {
  for (const Place& place : places_) {
    if (place.parameter >= count) continue;
    runs_[place.run].tensors[place.tensor].data = pointerAt<uint8_t>(addresses + place.parameter) + place.byteOffset;
  }
}

}  // namespace whittle
