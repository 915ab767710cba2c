// Boundaries follow what sounds: they keep their distances, silence has none, and an edit moves only those beside it.
#include "scheduler/plan/boundaries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace dubfarm::plan {
namespace {

using ::testing::ElementsAre;

constexpr BoundaryPolicy kPolicy{.shortest = 30, .longest = 120, .rest = 10};

TEST(ChunkBoundaries, OnAGridLieWhereItSays) {
  EXPECT_THAT(chunk_boundaries(100, {}, {}, BoundaryPolicy::grid(40)), ElementsAre(0, 40, 80, 100));
  EXPECT_THAT(chunk_boundaries(80, {}, {}, BoundaryPolicy::grid(40)), ElementsAre(0, 40, 80));
  EXPECT_THAT(chunk_boundaries(5, {}, {}, BoundaryPolicy::grid(40)), ElementsAre(0, 5));
}

TEST(ChunkBoundaries, PartSoundFromSilenceWhereTheRestIsLongEnough) {
  const std::vector<Sound> sounds = {{100, 150}, {20, 50}, {59, 70}, {80, 85}, {82, 84}, {990, 1010}, {-5, 0}, {1000, 1001}};
  EXPECT_THAT(chunk_boundaries(1000, sounds, {}, kPolicy), ElementsAre(0, 20, 70, 80, 85, 100, 150, 990, 1000)) << "9 frames are no rest, 10 are";
  EXPECT_THAT(chunk_boundaries(1000, {}, {}, kPolicy), ElementsAre(0, 1000));
}

TEST(ChunkBoundaries, TakeTheSmallestHashThatKeepsBothSidesLongEnough) {
  const std::vector<Sound> sound = {{0, 200}};
  EXPECT_THAT(chunk_boundaries(200, sound, {{29, 1}, {171, 2}, {100, 9}, {110, 8}}, kPolicy), ElementsAre(0, 110, 200));
  EXPECT_THAT(chunk_boundaries(200, sound, {{100, 5}, {110, 5}}, kPolicy), ElementsAre(0, 100, 200)) << "of equal ones the first";
  EXPECT_THAT(chunk_boundaries(120, {{{0, 120}}}, {{60, 1}}, kPolicy), ElementsAre(0, 120)) << "short enough as it is";
  EXPECT_THAT(chunk_boundaries(121, {{{0, 121}}}, {{60, 1}}, kPolicy), ElementsAre(0, 60, 121));
  EXPECT_THAT(chunk_boundaries(500, {{{0, 500}}}, {}, kPolicy), ElementsAre(0, 500)) << "no candidate, as inside a long tail";
}

TEST(ChunkBoundaries, AreFewerInABed) {
  BoundaryPolicy policy = kPolicy;
  policy.bed = 600;
  const auto lengths_between = [&](const std::vector<Frames>& edges) {
    std::mt19937_64 random(3);
    std::vector<Candidate> candidates;
    for (const Frames edge : edges) candidates.push_back({edge, random(), CandidateKind::clip_end});
    for (Frames at = 5; at < 3000; at += 10) candidates.push_back({at, random(), CandidateKind::grid});
    const std::vector<Frames> boundaries = chunk_boundaries(3000, {{{0, 3000}}}, candidates, policy);
    std::vector<Frames> lengths;
    for (std::size_t i = 1; i < boundaries.size(); ++i) lengths.push_back(boundaries[i] - boundaries[i - 1]);
    const auto [shortest, longest] = std::minmax_element(lengths.begin(), lengths.end());
    return std::pair(*shortest, *longest);
  };
  const auto [shortest, longest] = lengths_between({0, 3000});
  EXPECT_GE(shortest, 2 * kPolicy.shortest);
  EXPECT_GT(longest, kPolicy.longest);
  EXPECT_LE(longest, 2 * kPolicy.longest);
  EXPECT_LE(lengths_between({0, 500, 1000, 1600, 2200, 2700, 3000}).second, kPolicy.longest) << "edges never more than 600 apart";
}

TEST(CandidateHash, IsOfTheContentAlone) {
  media::Digest a, b;
  b.bytes[15] = 1;
  std::set<std::uint64_t> all;
  for (const media::Digest& source : {a, b})
    for (const Frames frame : {0, 1, 48000})
      for (const CandidateKind kind : {CandidateKind::grid, CandidateKind::clip_begin, CandidateKind::clip_end}) all.insert(candidate_hash(source, frame, kind));
  EXPECT_EQ(all.size(), 18u);
}

TEST(Candidates, AreAClipsEdgesAndTheSecondsOfItsSourceBetween) {
  std::vector<Candidate> here, later;
  add_candidates({}, 500, 900, 2200, 1000, here);  // source frames 900 to 3100
  add_candidates({}, 500 + 77, 900, 2200, 1000, later);
  std::vector<Frames> places;
  for (const Candidate& c : here) places.push_back(c.at);
  EXPECT_THAT(places, ElementsAre(500, 2700, 600, 1600, 2600));
  ASSERT_EQ(later.size(), here.size());
  for (std::size_t i = 0; i < here.size(); ++i) {
    EXPECT_EQ(later[i].at, here[i].at + 77);
    EXPECT_EQ(later[i].hash, here[i].hash) << "it does not know where it stands";
  }
  // A clip that is cut in two keeps the candidates that are left of it.
  std::vector<Candidate> tail;
  add_candidates({}, 5000, 1500, 1600, 1000, tail);
  EXPECT_EQ(tail[2].hash, here[3].hash);
  EXPECT_EQ(tail[1].hash, here[1].hash);
}

TEST(UsualPolicy, CutsLongerWhereChunksPayForALongPreRoll) {
  const auto shortest = [](double pre_roll_seconds) { return BoundaryPolicy::usual(1000, static_cast<Frames>(1000 * pre_roll_seconds)).shortest; };
  EXPECT_EQ(shortest(0), 3000);
  EXPECT_EQ(shortest(5), 3000);
  EXPECT_EQ(shortest(6), 6000);
  EXPECT_EQ(shortest(10.5), 12000);
  EXPECT_EQ(shortest(100), 12000);
  EXPECT_EQ(BoundaryPolicy::usual(1000, 0).longest, 12000);
}

/// A stretch of sound with a candidate every few frames.
struct Stretch {
  Frames length;
  std::vector<Candidate> candidates;
};
Stretch random_stretch(std::mt19937_64& random, Frames length) {
  Stretch stretch{length, {}};
  for (Frames at = static_cast<Frames>(random() % 9); at < length; at += 1 + static_cast<Frames>(random() % 9)) stretch.candidates.push_back({at, random()});
  return stretch;
}
std::vector<Frames> boundaries_of(const Stretch& stretch) { return chunk_boundaries(stretch.length, {{{0, stretch.length}}}, stretch.candidates, kPolicy); }

TEST(ChunkBoundaries, KeepTheirDistances) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    const Stretch stretch = random_stretch(random, 5000);
    const std::vector<Frames> boundaries = boundaries_of(stretch);
    for (std::size_t i = 1; i < boundaries.size(); ++i) {
      EXPECT_GE(boundaries[i] - boundaries[i - 1], kPolicy.shortest);
      EXPECT_LE(boundaries[i] - boundaries[i - 1], kPolicy.longest);
    }
    Stretch shuffled = stretch;
    std::shuffle(shuffled.candidates.begin(), shuffled.candidates.end(), random);
    EXPECT_EQ(boundaries_of(shuffled), boundaries);
  }
}

/// What was taken out and put in at `at`, in the middle of a long stretch: how many chunks have other lengths or other content after it?
int chunks_moved(const Stretch& before, Frames at, Frames removed, const Stretch& inserted) {
  Stretch after{before.length - removed + inserted.length, {}};
  for (const Candidate& c : before.candidates) {
    if (c.at < at) after.candidates.push_back(c);
    if (c.at >= at + removed) after.candidates.push_back({c.at - removed + inserted.length, c.hash});
  }
  for (const Candidate& c : inserted.candidates) after.candidates.push_back({c.at + at, c.hash});
  const std::vector<Frames> old_boundaries = boundaries_of(before), new_boundaries = boundaries_of(after);
  std::set<std::pair<Frames, Frames>> known;  // chunks by their old place, those that the edit runs through left out
  for (std::size_t i = 1; i < old_boundaries.size(); ++i)
    if (old_boundaries[i] <= at || old_boundaries[i - 1] >= at + removed) known.emplace(old_boundaries[i - 1], old_boundaries[i]);
  int moved = 0;
  for (std::size_t i = 1; i < new_boundaries.size(); ++i) {
    Frames begin = new_boundaries[i - 1], end = new_boundaries[i];
    if (begin >= at + inserted.length) begin += removed - inserted.length, end += removed - inserted.length;
    else if (end > at) begin = end = -1;
    moved += known.contains({begin, end}) ? 0 : 1;
  }
  return moved;
}

TEST(ChunkBoundaries, AnEditMovesOnlyThoseBesideIt) {
  std::mt19937_64 random(2);
  int moved = 0, most = 0;
  constexpr int kRounds = 300;
  for (int round = 0; round < kRounds; ++round) {
    const Stretch film = random_stretch(random, 20000);  // about 270 chunks
    const auto removed = static_cast<Frames>(random() % 200), inserted = static_cast<Frames>(random() % 200);
    const int now = chunks_moved(film, 2000 + static_cast<Frames>(random() % 16000), removed, random_stretch(random, inserted));
    moved += now;
    most = std::max(most, now);
  }
  EXPECT_LE(moved, 5 * kRounds) << "inserted chunks included";
  EXPECT_LE(most, 20);
}

}  // namespace
}  // namespace dubfarm::plan
