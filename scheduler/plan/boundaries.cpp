#include "scheduler/plan/boundaries.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <iterator>
#include <set>
#include <tuple>

namespace dubfarm::plan {
namespace {

/// The finaliser of SplitMix64 (G. Steele, D. Lea, C. Flood, OOPSLA 2014): every bit of the result depends on every bit of `x`.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

std::vector<Frames> grid(Frames length, Frames every) {
  std::vector<Frames> boundaries;
  for (Frames at = 0; at < length; at += every) boundaries.push_back(at);
  boundaries.push_back(length);
  return boundaries;
}

/// The sounds inside [0, length), those that overlap or lie less than `rest` apart joined.
std::vector<Sound> stretches(Frames length, std::span<const Sound> sounds, Frames rest) {
  std::vector<Sound> sorted;
  for (const Sound& sound : sounds)
    if (sound.begin < length && sound.end > 0 && sound.begin < sound.end) sorted.push_back({std::max<Frames>(0, sound.begin), std::min(length, sound.end)});
  std::sort(sorted.begin(), sorted.end(), [](const Sound& a, const Sound& b) { return a.begin < b.begin; });
  std::vector<Sound> joined;
  for (const Sound& sound : sorted) {
    if (!joined.empty() && sound.begin - joined.back().end < std::max<Frames>(1, rest)) joined.back().end = std::max(joined.back().end, sound.end);
    else joined.push_back(sound);
  }
  return joined;
}

}  // namespace

BoundaryPolicy BoundaryPolicy::usual(int sample_rate, Frames pre_roll) {
  const Frames second = sample_rate;
  Frames shortest = 3 * second;
  while (5 * shortest < 3 * pre_roll && shortest < 12 * second) shortest *= 2;
  return {.shortest = shortest, .longest = 4 * shortest, .bed = 20 * shortest, .rest = second};
}

std::uint64_t candidate_hash(const media::Digest& source, Frames source_frame, CandidateKind kind) {
  std::uint64_t halves[2];
  static_assert(sizeof halves == sizeof source.bytes);
  std::memcpy(halves, source.bytes.data(), sizeof halves);
  return mixed(halves[0] + mixed(halves[1] + mixed(4 * static_cast<std::uint64_t>(source_frame) + static_cast<std::uint64_t>(kind))));
}

void add_candidates(const media::Digest& source, Frames at, Frames in, Frames length, int sample_rate, std::vector<Candidate>& out) {
  const auto add = [&](Frames frame, CandidateKind kind) { out.push_back({at + (frame - in), candidate_hash(source, frame, kind), kind}); };
  add(in, CandidateKind::clip_begin);
  add(in + length, CandidateKind::clip_end);
  const Frames step = sample_rate;
  for (Frames frame = (in / step + 1) * step; frame < in + length; frame += step) add(frame, CandidateKind::grid);
}

std::vector<Frames> chunk_boundaries(Frames length, std::span<const Sound> sounds, std::vector<Candidate> candidates, const BoundaryPolicy& policy) {
  if (policy.every > 0) return grid(length, policy.every);
  assert(policy.shortest > 0);
  std::set<Frames> boundaries{0, length};
  for (const Sound& stretch : stretches(length, sounds, policy.rest)) {
    boundaries.insert(stretch.begin);
    boundaries.insert(stretch.end);
  }
  std::vector<Frames> edges;
  for (const Candidate& candidate : candidates)
    if (candidate.kind != CandidateKind::grid) edges.push_back(candidate.at);
  std::sort(edges.begin(), edges.end());
  const auto is_in_bed = [&](const Candidate& candidate) {
    if (policy.bed == 0 || candidate.kind != CandidateKind::grid) return false;
    const auto after = std::upper_bound(edges.begin(), edges.end(), candidate.at);  // its clip's edges stand on both sides
    return after != edges.begin() && after != edges.end() && *after - *std::prev(after) > policy.bed;
  };
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return std::tie(a.hash, a.at) < std::tie(b.hash, b.at); });
  for (const Candidate& candidate : candidates) {
    if (candidate.at <= 0 || candidate.at >= length) continue;
    const auto after = boundaries.upper_bound(candidate.at);
    const Frames begin = *std::prev(after), end = *after;
    const Frames factor = is_in_bed(candidate) ? BoundaryPolicy::kBedFactor : 1;
    if (end - begin <= factor * policy.longest || std::min(candidate.at - begin, end - candidate.at) < factor * policy.shortest) continue;
    boundaries.insert(after, candidate.at);
  }
  return {boundaries.begin(), boundaries.end()};
}

}  // namespace dubfarm::plan
