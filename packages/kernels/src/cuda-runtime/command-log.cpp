#include "command-log.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "../runtime/commands.h"
#include "faults.h"

namespace whittle::cuda {

namespace {

// The row that a fault is about, or what comes nearest.
long long rowOf(const FaultRecord& record) {
  switch (record.fault) {
    case Fault::idOutsideTable:
    case Fault::indexOutsideRows:
    case Fault::targetOutside:
    case Fault::tokenOutside:
      return record.numbers[1];
    default:
      return record.numbers[0];
  }
}

// What the GPU reported, by segment and call.
class ReportedFaults {
 public:
  explicit ReportedFaults(const FaultLog* log) {
    if (!log) return;
    const int kept = std::min(log->count, keptAsTheyCome), crowded = std::min(log->crowded, faultCapacity - keptAsTheyCome);
    // Of a call's faults the first row's is told, as on the CPU; which thread was the first is chance.
    for (int i = 0; i < kept; i++) keep(log->records[i]);
    for (int i = 0; i < crowded; i++) keep(log->records[keptAsTheyCome + i]);
    incomplete_ = log->crowded > faultCapacity - keptAsTheyCome;
  }

  std::shared_ptr<const Failure> of(int32_t segment, int32_t call, const std::string& op) const {
    if (const auto record = records_.find(keyOf(segment, call)); record != records_.end()) {
      return std::make_shared<Failure>(Failure{op, describe(record->second)});
    }
    if (!incomplete_) return nullptr;
    return std::make_shared<Failure>(Failure{op, "too many ops failed at once to know whether this one did"});
  }

 private:
  static uint64_t keyOf(int32_t segment, int32_t call) { return static_cast<uint64_t>(static_cast<uint32_t>(segment)) << 32 | static_cast<uint32_t>(call); }

  void keep(const FaultRecord& record) {
    const auto [place, added] = records_.emplace(keyOf(record.segment, record.call), record);
    if (!added && rowOf(record) < rowOf(place->second)) place->second = record;
  }

  std::unordered_map<uint64_t, FaultRecord> records_;
  bool incomplete_ = false;
};

}  // namespace

// Goes through the commands of one batch.
class CommandLog::Replay {
 public:
  Replay(const std::vector<std::string>& ops, PoisonMap& poison, const ReportedFaults& faults) : ops_(ops), poison_(poison), faults_(faults) {}

  void step(const Logged& batch, size_t from, size_t to) {
    auto segment = batch.segments.begin();
    int32_t call = 0;
    auto failure = batch.failures.begin();
    for (size_t at = 0; at < to; at += commandWords(&batch.words[at])) {
      if (segment != batch.segments.end() && segment->word == at) {
        number_ = segment++->number;
        call = 0;
      }
      std::shared_ptr<const Failure> known;
      if (failure != batch.failures.end() && failure->word == at) known = failure++->failure;
      const double* words = &batch.words[at];
      const bool isRun = opcodeOf(words) == Opcode::run;
      if (at >= from) perform(words, call, std::move(known));
      if (isRun) call++;
    }
  }

 private:
  void perform(const double* words, int32_t call, std::shared_ptr<const Failure> known) {
    const auto address = static_cast<uint64_t>(words[1]);
    const auto bytes = static_cast<int64_t>(words[2]);
    switch (opcodeOf(words)) {
      case Opcode::run: {
        const RunCommand run(words);
        auto failure = failureReaching(poison_, run);
        if (!failure) failure = known ? std::move(known) : faults_.of(number_, call, ops_[static_cast<size_t>(run.kernel)]);
        settle(poison_, run, failure);
        break;
      }
      case Opcode::load:
        if (known) {
          poison_.add({address, 1, bytes, bytes}, known);
          break;
        }
        [[fallthrough]];
      case Opcode::write:
      case Opcode::writeOutside:
      case Opcode::zero:
      case Opcode::release:
        poison_.remove({address, 1, bytes, bytes});
        break;
      case Opcode::heal:
        poison_.remove(extentAt(words + 1));
        break;
      case Opcode::read:
      case Opcode::fail:
      case Opcode::programBegin:
      case Opcode::programPlace:
      case Opcode::programEnd:
      case Opcode::replay:
      case Opcode::forget:
        break;
    }
  }

  const std::vector<std::string>& ops_;
  PoisonMap& poison_;
  const ReportedFaults& faults_;
  int32_t number_ = -1;
};

const std::vector<double>& CommandLog::append(std::vector<double> words) {
  std::lock_guard lock(mutex_);
  log_.push_back({std::move(words), {}, {}});
  return log_.back().words;
}

LogPosition CommandLog::at(const double* word) const {
  std::lock_guard lock(mutex_);
  return {first_ + log_.size() - 1, static_cast<size_t>(word - log_.back().words.data())};
}

void CommandLog::beginSegment(LogPosition at, int32_t segment) {
  std::lock_guard lock(mutex_);
  logged(at.batch).segments.push_back({at.word, segment});
}

void CommandLog::fail(LogPosition command, Failure failure) {
  std::lock_guard lock(mutex_);
  auto& failures = logged(command.batch).failures;
  const auto place = std::find_if(failures.begin(), failures.end(), [&](const HostFailure& other) { return other.word > command.word; });
  failures.insert(place, {command.word, std::make_shared<const Failure>(std::move(failure))});
}

std::shared_ptr<const Failure> CommandLog::resolve(LogPosition end, const Extent& extent, const FaultLog* faults) {
  std::lock_guard lock(mutex_);
  if (!poison_.empty() || (faults && faults->count > 0) || hasFailuresBefore(end)) {
    const ReportedFaults reported(faults);
    Replay replay(ops_, poison_, reported);
    for (uint64_t batch = done_.batch; batch <= end.batch && batch - first_ < log_.size(); batch++) {
      const Logged& commands = logged(batch);
      replay.step(commands, batch == done_.batch ? done_.word : 0, batch == end.batch ? end.word : commands.words.size());
    }
  }
  skipTo(end);
  return poison_.find(extent);
}

bool CommandLog::hasFailuresBefore(LogPosition end) {
  for (uint64_t batch = done_.batch; batch <= end.batch && batch - first_ < log_.size(); batch++) {
    for (const HostFailure& failure : logged(batch).failures) {
      if ((batch > done_.batch || failure.word >= done_.word) && (batch < end.batch || failure.word < end.word)) return true;
    }
  }
  return false;
}

void CommandLog::skipTo(LogPosition end) {
  done_ = end;
  for (; first_ < end.batch && !log_.empty(); first_++) log_.pop_front();
}

}  // namespace whittle::cuda
