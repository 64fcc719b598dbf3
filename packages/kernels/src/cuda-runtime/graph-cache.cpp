#include "graph-cache.h"

#include <cstring>
#include <iterator>

namespace whittle::cuda {

namespace {

// Segments that came once are remembered by their hash alone, and not for ever.
constexpr size_t maxSeen = 4096;

// Four sums side by side, since one multiplication waits for the one before it.
uint64_t hashWords(const double* words, size_t count, uint64_t seed) {
  constexpr uint64_t factor = 0x9e3779b97f4a7c15u;
  uint64_t sums[4] = {seed, seed + 1, seed + 2, seed + 3};
  const auto mix = [&](uint64_t& sum, const double* word) {
    uint64_t bits;
    std::memcpy(&bits, word, sizeof bits);
    sum = (sum ^ bits) * factor;
    sum ^= sum >> 29;
  };
  size_t at = 0;
  for (; at + 4 <= count; at += 4) {
    for (size_t lane = 0; lane < 4; lane++) mix(sums[lane], words + at + lane);
  }
  for (; at < count; at++) mix(sums[at % 4], words + at);
  return ((sums[0] * factor + sums[1]) * factor + sums[2]) * factor + sums[3];
}

bool sameWords(const Segment& segment, const std::vector<double>& words) {
  size_t at = 0;
  for (size_t i = 0; i < segment.runs.size(); i++) {
    const size_t count = segment.lengths[i];
    // Bits, not numbers: an attribute may be NaN or -0.
    if (at + count > words.size() || std::memcmp(segment.runs[i], words.data() + at, count * sizeof(double)) != 0) return false;
    at += count;
  }
  return at == words.size();
}

}  // namespace

void Segment::clear() {
  runs.clear();
  lengths.clear();
  hash = 0;
}

void Segment::add(const double* run, size_t words) {
  runs.push_back(run);
  lengths.push_back(words);
  hash = hashWords(run, words, hash);
}

GraphCache::~GraphCache() {
  for (Entry& entry : entries_) {
    if (entry.program) cudaGraphExecDestroy(entry.program);
  }
}

const GraphCache::Entry* GraphCache::find(const Segment& segment) {
  const auto [first, last] = byHash_.equal_range(segment.hash);
  for (auto at = first; at != last; ++at) {
    if (!sameWords(segment, at->second->words)) continue;
    entries_.splice(entries_.begin(), entries_, at->second);
    return &entries_.front();
  }
  return nullptr;
}

bool GraphCache::cameBefore(const Segment& segment) {
  if (seen_.size() >= maxSeen) seen_.clear();
  return !seen_.insert(segment.hash).second;
}

const GraphCache::Entry& GraphCache::add(const Segment& segment, cudaGraphExec_t program) {
  if (entries_.size() == capacity_) remove(std::prev(entries_.end()));
  entries_.push_front({segment.hash, {}, program});
  for (size_t i = 0; i < segment.runs.size(); i++) {
    entries_.front().words.insert(entries_.front().words.end(), segment.runs[i], segment.runs[i] + segment.lengths[i]);
  }
  byHash_.emplace(segment.hash, entries_.begin());
  return entries_.front();
}

void GraphCache::clear() {
  while (!entries_.empty()) remove(entries_.begin());
}

void GraphCache::remove(std::list<Entry>::iterator entry) {
  const auto [first, last] = byHash_.equal_range(entry->hash);
  for (auto at = first; at != last; ++at) {
    if (at->second != entry) continue;
    byHash_.erase(at);
    break;
  }
  if (entry->program) retire_(entry->program);
  entries_.erase(entry);
}

}  // namespace whittle::cuda
