// What is rendered, and what a key depends on: all that is heard, nothing that is not.
#include "scheduler/plan/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/filter/svf_design.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::plan {
namespace {

using namespace dubfarm::testing;
using ::testing::ElementsAre;

constexpr Frames kRate = 48000, kChunk = 24000;

/// 8 s with one mono track from 4 s to 5 s, through EQ and a moving fader and pan, into a 5.1 bus, and by a send into a room of 0.2 s and
/// 50 ms predelay; planned in chunks of 0.5 s.
class Planning : public ::testing::Test {
 protected:
  Planning() {
    folder_.sound("voice.wav", white_noise(1, 2 * kRate, 1));
    folder_.sound("other.wav", white_noise(2, 2 * kRate, 2));
    folder_.sound("room.wav", decaying_noise(6, kRate / 5, 3));
    mix_ = Json::parse(R"({
      "dubfarm": 1, "title": "Plan", "sample_rate": 48000, "frame_rate": "24", "length": "8s",
      "buses": [{"name": "FX", "layout": "5.1", "eq": [{"type": "highpass", "freq": 30}], "gain_db": -1}, {"name": "SUB", "layout": "5.1", "bus": "FX"}],
      "reverbs": [{"name": "Room", "ir": "room.wav", "bus": "FX", "layout": "5.1", "predelay": "50ms", "gain_db": -3,
                   "eq": [{"type": "lowshelf", "freq": 200, "gain_db": -6}]}],
      "tracks": [{"name": "Voice", "bus": "SUB", "clips": [{"file": "voice.wav", "at": 192000, "in": 1000, "length": 48000, "gain_db": -2,
                   "fade_in": {"length": 3000, "curve": "cosine"}, "fade_out": {"length": 5000, "curve": "linear"}}],
                  "eq": [{"type": "peak", "freq": 1000, "q": 2, "gain_db": 3}, {"type": "lowpass", "freq": [[200000, 12000], [230000, 4000]]}],
                  "gain_db": [[190000, -3], [235000, 1]], "pan": {"azimuth": [[200000, -30], [220000, 100]]}, "lfe_db": -9,
                  "sends": [{"to": "Room", "gain_db": -6, "pre_fader": true}]}],
      "versions": [{"name": "en"}],
      "deliverables": [{"name": "51", "layout": "5.1", "file": "{version}.wav"}]})");
  }
  [[nodiscard]] PlannedMix planned() const { return plan_mix(folder_.mix(mix_), kChunk); }
  /// First frame and key of every chunk of the only stem.
  [[nodiscard]] std::map<Frames, std::string> keys() const {
    const PlannedMix p = planned();
    std::map<Frames, std::string> keys;
    for (const StemTimeline& timeline : p.plan.timelines)
      for (const Placement& placement : timeline.placements) keys[placement.first] += p.plan.chunks[placement.chunk].key.hex();
    return keys;
  }
  /// The mix with the value at `pointer` replaced, for one planning.
  [[nodiscard]] std::map<Frames, std::string> keys_with(const std::string& pointer, const Json& value) {
    const Json before = mix_;
    mix_[Json::json_pointer(pointer)] = value;
    std::map<Frames, std::string> changed = keys();
    mix_ = before;
    return changed;
  }
  /// Moves the track's clip and every automation point.
  void move(Frames by) {
    Json& track = mix_["tracks"][0];
    track["clips"][0]["at"] = track["clips"][0]["at"].get<Frames>() + by;
    for (Json* points : {&track["gain_db"], &track["pan"]["azimuth"], &track["eq"][1]["freq"]})
      for (Json& point : *points) point[0] = point[0].get<Frames>() + by;
  }
  MixFolder folder_;
  Json mix_;
};

TEST_F(Planning, SilenceHasNoChunk) {
  const std::map<Frames, std::string> all = keys();
  EXPECT_EQ(all.begin()->first, 192000) << "nothing before the clip";
  // After it: the track's and the room's EQ ring, then 0.25 s of predelay and room, then the bus.
  const Frames last_heard = 240000 + kRate / 4;
  EXPECT_GE(all.rbegin()->first + kChunk, last_heard);
  EXPECT_LE(all.rbegin()->first, last_heard + kRate) << "and not for ever";
  mix_["tracks"] = Json::array();
  EXPECT_EQ(keys(), (std::map<Frames, std::string>{}));
  EXPECT_EQ(planned().plan.prints.size(), 1u) << "its file is written all the same";
}

TEST_F(Planning, APreRollReachesBackOverRoomPredelayAndRingingFilters) {
  const PlannedMix p = planned();
  const mix::Document& document = *p.document;
  const auto decay = [](const mix::EqBand& b) { return decay_frames(b.type, b.freq_hz, b.q, b.gain_db, 48000); };
  const Frames bus = decay(document.buses[0].eq[0]), shelf = decay(document.reverbs[0].eq[0]), ir = kRate / 5;
  const Frames track = decay(document.tracks[0].eq[0]) + decay(document.tracks[0].eq[1]);
  ASSERT_GT(bus, 1000);
  ASSERT_GT(track, 100);
  const Placement& late = p.plan.timelines[0].placements[1];  // from 216000
  const program::Program& program = p.plan.chunks[late.chunk].program;
  EXPECT_EQ(program.length, kChunk);
  ASSERT_EQ(program.buses.size(), 2u);
  EXPECT_EQ(program.buses[1].from, -bus);
  EXPECT_EQ(program.buses[0].from, -bus) << "a bus without EQ needs what its parent needs";
  ASSERT_EQ(program.reverbs.size(), 1u);
  EXPECT_EQ(program.reverbs[0].output_from, -bus - shelf);
  EXPECT_EQ(program.reverbs[0].input_from, -bus - shelf - 2400 - (ir - 1));
  EXPECT_EQ(program.first_frame(), std::max<Frames>(-late.first, -bus - shelf - 2400 - (ir - 1) - track));
  ASSERT_EQ(program.tracks.size(), 1u);
  const program::Clip& clip = program.tracks[0].clips[0];
  EXPECT_EQ(clip.at, std::max<Frames>(program.first_frame(), 192000 - late.first));
  EXPECT_EQ(clip.in, 1000 + (late.first + clip.at - 192000));
}

TEST_F(Planning, TheFirstChunkReachesBackToTheStartOfTheTimelineOnly) {
  mix_["reverbs"][0]["predelay"] = "400ms";  // more than a chunk with the room
  mix_["tracks"][0]["clips"][0]["at"] = 0;
  const PlannedMix p = planned();
  EXPECT_EQ(p.plan.chunks[0].program.first_frame(), 0);
  EXPECT_EQ(p.plan.chunks[0].program.reverbs[0].input_from, 0);
  EXPECT_EQ(p.plan.chunks[1].program.first_frame(), -kChunk);
}

TEST_F(Planning, TheSameMaterialElsewhereHasTheSameKeys) {
  const std::map<Frames, std::string> here = keys();
  for (const Frames chunks : {1, 4}) {
    SCOPED_TRACE(chunks);
    move(chunks * kChunk);
    std::map<Frames, std::string> moved;
    for (const auto& [first, key] : keys()) moved[first - chunks * kChunk] = key;
    EXPECT_EQ(moved, here);
    move(-chunks * kChunk);
  }
  move(1);
  EXPECT_NE(keys(), here) << "not on the grid";
}

TEST_F(Planning, BoundedByContentItHasTheSameKeysWhereverItStands) {
  mix_["length"] = "40s";
  const auto keys_of = [&] {
    std::vector<program::Key> keys;
    const PlannedMix p = plan_mix(folder_.mix(mix_));
    for (const Chunk& chunk : p.plan.chunks) keys.push_back(chunk.key);
    return keys;
  };
  const std::vector<program::Key> here = keys_of();
  ASSERT_FALSE(here.empty());
  for (const Frames by : {1, 77777, -170000}) {
    SCOPED_TRACE(by);
    move(by);
    EXPECT_EQ(keys_of(), here);
    move(-by);
  }
  move(-192000);
  EXPECT_EQ(keys_of(), here) << "nor does it matter that nothing can stand before the first frame";
}

TEST_F(Planning, AStemThatAVersionDoesNotChangeIsCutInTheSamePlaces) {
  mix_["length"] = "60s";
  folder_.sound("long.wav", white_noise(2, 50 * kRate, 5));
  mix_["buses"].push_back({{"name", "MX"}, {"layout", "stereo"}});
  mix_["tracks"].push_back({{"name", "Score"}, {"bus", "MX"}, {"layout", "stereo"}, {"clips", {{{"file", "long.wav"}, {"at", 7}}}}});
  mix_["tracks"].push_back({{"name", "Score 2"}, {"bus", "MX"}, {"layout", "stereo"}, {"clips", {{{"file", "long.wav"}, {"at", "21s"}, {"length", "1s"}}}},
                            {"sends", {{{"to", "Room"}}}}});
  mix_["versions"] = Json::parse(R"([{"name": "a"}, {"name": "b", "mute": {"tracks": ["Score 2"]}}, {"name": "c", "mute": {"tracks": ["Voice"]}}])");
  const PlannedMix p = plan_mix(folder_.mix(mix_));
  const auto places = [&](std::size_t version) {
    std::map<Frames, std::size_t> found;
    for (const StemTimeline& timeline : p.plan.timelines)
      if (timeline.version == version && timeline.bus == 2)
        for (const Placement& placement : timeline.placements) found[placement.first] = placement.chunk;
    return found;
  };
  ASSERT_GT(places(0).size(), 4u);
  EXPECT_EQ(places(2), places(0)) << "another stem's mute";
  std::size_t shared = 0;
  for (const auto& [first, chunk] : places(1)) shared += places(0).contains(first) && places(0).at(first) == chunk ? 1 : 0;
  EXPECT_GE(shared + 3, places(1).size()) << "a mute of its own changes the chunks beside it";
  EXPECT_LT(shared, places(1).size());
}

TEST_F(Planning, MaterialThatComesTwiceIsOneChunk) {
  // 4 s apart, without automation, which would differ.
  mix_["length"] = "20s";
  Json& track = mix_["tracks"][0];
  track["gain_db"] = 0;
  track["pan"] = 10;
  track["eq"].erase(1);
  track["clips"].push_back(track["clips"][0]);
  track["clips"][1]["at"] = 192000 + 16 * kChunk;
  const PlannedMix p = planned();
  ASSERT_EQ(p.plan.timelines.size(), 1u);
  EXPECT_EQ(p.plan.timelines[0].placements.size(), 2 * p.plan.chunks.size());
}

TEST_F(Planning, WhatIsHeardIsInTheKey) {
  const std::map<Frames, std::string> before = keys();
  const std::pair<const char*, Json> changes[] = {
      {"/tracks/0/clips/0/at", 192001},
      {"/tracks/0/clips/0/in", 1001},
      {"/tracks/0/clips/0/length", 47999},
      {"/tracks/0/clips/0/gain_db", -2.001},
      {"/tracks/0/clips/0/file", "other.wav"},
      {"/tracks/0/clips/0/fade_in/length", 3001},
      {"/tracks/0/clips/0/fade_in/curve", "linear"},
      {"/tracks/0/clips/0/fade_out/length", 5001},
      {"/tracks/0/clips/0/fade_out/curve", "equal_power"},
      {"/tracks/0/eq/0/type", "notch"},
      {"/tracks/0/eq/0/freq", 1000.5},
      {"/tracks/0/eq/0/q", 2.1},
      {"/tracks/0/eq/0/gain_db", 3.1},
      {"/tracks/0/eq/1/freq/0/0", 200001},
      {"/tracks/0/eq/1/freq/1/1", 4001},
      {"/tracks/0/eq", Json::array()},
      {"/tracks/0/gain_db/1/1", 1.1},
      {"/tracks/0/gain_db/0/0", 190001},
      {"/tracks/0/pan/azimuth/1/1", 101},
      {"/tracks/0/lfe_db", nullptr},
      {"/tracks/0/lfe_db", -9.1},
      {"/tracks/0/sends/0/gain_db", -6.1},
      {"/tracks/0/sends/0/pre_fader", false},
      {"/tracks/0/sends", Json::array()},
      {"/tracks/0/bus", "FX"},
      {"/tracks/0/mute", true},
      {"/reverbs/0/predelay", "51ms"},
      {"/reverbs/0/gain_db", -3.1},
      {"/reverbs/0/eq/0/gain_db", -5},
      {"/reverbs/0/bus", "SUB"},
      {"/buses/0/gain_db", -1.1},
      {"/buses/0/eq/0/freq", 31},
      {"/buses/1/eq", {{{"type", "allpass"}, {"freq", 100}}}},
      {"/buses/1/gain_db", 0.5},
      {"/versions/0/adjust", {{{"tracks", {"V*"}}, {"gain_db", 0.5}}}},
      {"/versions/0/mute", {{"buses", {"SUB"}}}},
  };
  for (const auto& [pointer, value] : changes) EXPECT_NE(keys_with(pointer, value), before) << pointer << " " << value;
  folder_.sound("voice.wav", white_noise(1, 2 * kRate, 99));
  EXPECT_NE(keys(), before) << "and what is in the files";
}

TEST_F(Planning, WhatIsNotHeardIsNotInTheKey) {
  const std::map<Frames, std::string> before = keys();
  folder_.sound("elsewhere/voix fr.wav", white_noise(1, 2 * kRate, 1));
  const std::pair<const char*, Json> changes[] = {
      {"/title", "Another"},
      {"/tracks/0/name", "Voix"},
      {"/tracks/0/clips/0/file", "elsewhere/voix fr.wav"},  // the same samples
      {"/tracks/0/clips/0/channels", {1}},
      {"/versions/0/name", "fr"},
      {"/buses/0/name", "FX"},
      {"/buses/0/role", "effects"},
      {"/reverbs/0/name", "Room"},
      {"/start", "10:00:00:00"},
      {"/frame_rate", "25"},
      {"/deliverables/0/bits", 16},
      {"/deliverables/0/mix", {{"FX", -3}}},
      {"/x-note", "mine"},
  };
  for (const auto& [pointer, value] : changes) EXPECT_EQ(keys_with(pointer, value), before) << pointer << " " << value;
  mix_["tracks"].push_back({{"name", "Silent"}, {"bus", "FX"}, {"mute", true}, {"clips", {{{"file", "other.wav"}, {"at", 0}}}}});
  mix_["tracks"].push_back({{"name", "Empty"}, {"bus", "FX"}, {"gain_db", 3}});
  mix_["tracks"].push_back({{"name", "Elsewhere"}, {"bus", "MX"}, {"layout", "stereo"}, {"clips", {{{"file", "other.wav"}, {"at", 0}}}}});
  mix_["buses"].push_back({{"name", "MX"}, {"layout", "stereo"}});
  mix_["deliverables"][0]["include"] = {"FX"};
  EXPECT_EQ(keys(), before) << "muted and empty tracks, and other stems";
}

TEST_F(Planning, AMutedBusVanishesWithAllThatFeedsIt) {
  mix_["versions"][0]["mute"] = {{"buses", {"SUB"}}};
  const PlannedMix p = planned();
  ASSERT_FALSE(p.plan.chunks.empty());
  for (const Chunk& chunk : p.plan.chunks) {
    EXPECT_EQ(chunk.program.buses.size(), 1u);
    ASSERT_EQ(chunk.program.tracks.size(), 1u);
    EXPECT_EQ(chunk.program.tracks[0].bus, program::kNoBus) << "still heard through its send";
    EXPECT_FALSE(chunk.program.tracks[0].lfe_db);
  }
  mix_["versions"][0]["mute"] = {{"buses", {"FX"}}};
  EXPECT_TRUE(planned().plan.chunks.empty());
}

TEST_F(Planning, VersionsShareWhatSoundsTheSame) {
  mix_["versions"] = Json::parse(R"([{"name": "en"}, {"name": "fr"}, {"name": "hi", "adjust": [{"tracks": ["Voice"], "gain_db": -6}]}])");
  const PlannedMix p = planned();
  ASSERT_EQ(p.plan.timelines.size(), 3u);
  const auto chunks = [&](std::size_t version) {
    std::vector<std::size_t> list;
    for (const Placement& placement : p.plan.timelines[version].placements) list.push_back(placement.chunk);
    return list;
  };
  EXPECT_EQ(chunks(1), chunks(0));
  EXPECT_NE(chunks(2), chunks(0));
  EXPECT_EQ(p.plan.chunks.size(), 2 * chunks(0).size());
  for (const std::size_t chunk : chunks(0)) EXPECT_EQ(p.plan.chunks[chunk].listeners, 2u);
  for (const std::size_t chunk : chunks(2)) EXPECT_EQ(p.plan.chunks[chunk].listeners, 1u);
}

TEST_F(Planning, OneRenderUnderOnePathIsPrintedOnce) {
  mix_["versions"] = Json::parse(R"([{"name": "en"}, {"name": "fr"}])");
  mix_["deliverables"][0]["file"] = "one.wav";
  const PlannedMix p = planned();
  ASSERT_EQ(p.plan.prints.size(), 2u);
  EXPECT_FALSE(p.plan.prints[0].same_as);
  EXPECT_EQ(p.plan.prints[1].same_as, std::size_t{0});
  for (const Chunk& chunk : p.plan.chunks) EXPECT_EQ(chunk.listeners, 1u) << "and so is read once";
}

TEST_F(Planning, OnlyWhatIsSelectedIsPlanned) {
  mix_["versions"] = Json::parse(R"([{"name": "en"}, {"name": "fr", "adjust": [{"tracks": ["Voice"], "gain_db": -6}]}])");
  mix_["deliverables"].push_back({{"name", "20"}, {"layout", "stereo"}, {"file", "{version} 20.wav"}});
  const PlannedMix p = planned();
  EXPECT_EQ(p.plan.prints.size(), 4u);
  const Plan french = make_plan(*p.document, *p.media, {.version = "f*", .deliverable = "2?"}, "test", BoundaryPolicy::grid(kChunk));
  ASSERT_EQ(french.prints.size(), 1u);
  EXPECT_EQ(french.prints[0].version, 1u);
  EXPECT_EQ(french.prints[0].deliverable, 1u);
  EXPECT_EQ(french.timelines.size(), 1u);
  EXPECT_EQ(selected_versions(*p.document, {.version = "f*", .deliverable = "2?"}), std::vector<std::size_t>{1});
  EXPECT_NE(french.chunks[0].key, make_plan(*p.document, *p.media, {.version = "f*", .deliverable = "2?"}, "test 2", BoundaryPolicy::grid(kChunk)).chunks[0].key)
      << "another numeric profile renders anew";
}

}  // namespace
}  // namespace dubfarm::plan
