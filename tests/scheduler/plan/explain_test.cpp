// Why a chunk renders: each kind of change is named, with its place.
#include "scheduler/plan/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/local_render.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::plan {
namespace {

using namespace dubfarm::testing;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr Frames kRate = 48000;

class Explain : public ::testing::Test {
 protected:
  Explain() {
    folder_.sound("voice.wav", white_noise(1, 2 * kRate, 1));
    folder_.sound("other.wav", white_noise(1, 2 * kRate, 2));
    folder_.sound("room.wav", decaying_noise(2, kRate / 5, 3));
    folder_.sound("hall.wav", decaying_noise(2, kRate / 5, 4));
    mix_ = Json::parse(R"({
      "dubfarm": 1, "sample_rate": 48000, "frame_rate": "24", "start": "01:00:00:00", "length": "8s",
      "buses": [{"name": "FX", "layout": "stereo"}],
      "reverbs": [{"name": "Room", "ir": "room.wav", "bus": "FX", "layout": "stereo"}],
      "tracks": [{"name": "Voice", "bus": "FX", "clips": [{"file": "voice.wav", "at": 96000, "in": 1000, "length": 48000, "fade_in": {"length": 3000}}],
                  "eq": [{"type": "peak", "freq": 1000, "gain_db": 3}], "gain_db": [[96000, -3], [144000, 1]], "pan": 10,
                  "sends": [{"to": "Room", "gain_db": -6}]}],
      "deliverables": [{"name": "20", "layout": "stereo", "file": "20.wav"}]})");
  }
  /// What differs on [2 s, 3 s) once `pointer` is `value`.
  std::vector<std::string> after(const std::string& pointer, const Json& value) {
    Json changed = mix_;
    changed[Json::json_pointer(pointer)] = value;
    return found(changed);
  }
  std::vector<std::string> found(const Json& changed) {
    const PlannedMix before = plan_mix(folder_.mix(mix_)), now = plan_mix(folder_.mix(changed));
    const VersionProgrammer old_programmer(*before.document, before.document->versions[0], *before.media);
    const VersionProgrammer new_programmer(*now.document, now.document->versions[0], *now.media);
    std::vector<std::string> said;
    for (const Difference& d : differences({*before.document, old_programmer, *before.media, 0}, {*now.document, new_programmer, *now.media, 0}, 2 * kRate, 3 * kRate))
      said.push_back(std::string(name_of(d.kind)) + ": " + d.what);
    return said;
  }
  MixFolder folder_;
  Json mix_;
};

TEST_F(Explain, NamesClips) {
  EXPECT_THAT(after("/tracks/0/clips/0/at", 96100), ElementsAre("clip: track \"Voice\": clip voice.wav at 01:00:02:00 moved by 100 samples"));
  EXPECT_THAT(after("/tracks/0/clips/0/length", 40000), ElementsAre("clip: track \"Voice\": clip voice.wav at 01:00:02:00 was trimmed"));
  EXPECT_THAT(after("/tracks/0/clips/0/gain_db", -1), ElementsAre("clip: track \"Voice\": clip voice.wav at 01:00:02:00 changed its gain"));
  EXPECT_THAT(after("/tracks/0/clips/0/fade_in/length", 2000), ElementsAre("clip: track \"Voice\": clip voice.wav at 01:00:02:00 changed a fade"));
  EXPECT_THAT(after("/tracks/0/clips/0/file", "other.wav"), ElementsAre("clip: track \"Voice\": clip other.wav at 01:00:02:00 stands where voice.wav stood"));
  Json more = mix_;
  more["tracks"][0]["clips"].push_back({{"file", "other.wav"}, {"at", 120000}, {"length", 1000}});
  EXPECT_THAT(found(more), ElementsAre("clip: track \"Voice\": clip other.wav at 01:00:02:12 is new"));
  std::swap(more, mix_);
  EXPECT_THAT(found(more), ElementsAre("clip: track \"Voice\": clip other.wav at 01:00:02:12 is gone"));
}

TEST_F(Explain, NamesLevelsAndAutomation) {
  EXPECT_THAT(after("/tracks/0/gain_db/1/1", 2), ElementsAre("automation: track \"Voice\": the automation point of its level at 01:00:03:00 changed from 1 to 2 dB"));
  EXPECT_THAT(after("/tracks/0/gain_db/1/0", 142000), ElementsAre("automation: track \"Voice\": the automation point of its level at 01:00:03:00 moved to 01:00:02:23"));
  EXPECT_THAT(after("/tracks/0/gain_db", -4), ElementsAre("automation: track \"Voice\": the automation of its level changed at 01:00:02:00"));
  EXPECT_THAT(after("/tracks/0/pan", 12), ElementsAre("level: track \"Voice\": its azimuth changed from 10 to 12 degrees"));
  EXPECT_THAT(after("/tracks/0/eq/0/freq", 1100), ElementsAre("eq: track \"Voice\": its EQ changed"));
  EXPECT_THAT(after("/tracks/0/sends/0/gain_db", -9), ElementsAre("level: track \"Voice\": its send to \"Room\" changed from -6 to -9 dB"));
  EXPECT_THAT(after("/tracks/0/sends/0/pre_fader", true), ElementsAre("send: track \"Voice\": its send to \"Room\" is pre-fader now"));
}

TEST_F(Explain, NamesReverbsBusesAndTracks) {
  EXPECT_THAT(after("/reverbs/0/ir", "hall.wav"), ElementsAre("reverb: reverb \"Room\": its impulse response is another"));
  EXPECT_THAT(after("/reverbs/0/predelay", "1ms"), ElementsAre("reverb: reverb \"Room\": its settings changed"));
  EXPECT_THAT(after("/buses/0/gain_db", -2), ElementsAre("level: bus \"FX\": its level changed from 0 to -2 dB"));
  EXPECT_THAT(after("/tracks/0/name", "Voix"), UnorderedElementsAre("track: track \"Voix\" was not heard here", "track: track \"Voice\" is no longer heard here"));
}

TEST_F(Explain, SaysThatABoundaryMovedWhereNothingElseDiffers) {
  Json later = mix_;
  later["tracks"][0]["clips"].push_back({{"file", "other.wav"}, {"at", "5s"}});
  EXPECT_THAT(found(later), ElementsAre("boundary: nothing here changed, but the chunk's boundaries did, because of what stands beside it"));
}

}  // namespace
}  // namespace dubfarm::plan
