// Random mixes, rendered by the executable, against the independent double-precision reading of the format.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <tuple>

#include "common/mix/parse.hpp"
#include "common/mix/resolve.hpp"
#include "tests/support/command.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/random_mix.hpp"
#include "tests/support/reference_mix.hpp"
#include "tests/support/sanitizer.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;

constexpr unsigned kFirstRecutSeed = 20;  // from here on the version is a recut one

class RandomMix : public ::testing::TestWithParam<unsigned> {
 protected:
  MixFolder folder_;
};

TEST_P(RandomMix, SoundsAsTheReferenceDoes) {
  const unsigned seed = GetParam();
  const bool is_recut = seed >= kFirstRecutSeed;
  const std::string path = folder_.mix(random_mix(seed, folder_, {.seconds = seed % 10 == 0 ? 10.0 : 6.0, .has_recuts = is_recut}));
  const mix::ParseOutcome parsed = mix::parse_mix(file_text(path), path);
  ASSERT_TRUE(parsed.document);
  const mix::Document& document = *parsed.document;
  const std::size_t version = is_recut ? 2 : seed % 2;  // en, or fr with its own words, mutes and faders
  auto reference = std::async(std::launch::async, [&] { return reference_buses(document, document.versions[version]); });
  const CommandResult rendered = dubfarm({"render", path, "--out", folder_ / "out", "--store", folder_ / "store", "--threads", "2", "--version",
                                          document.versions[version].name});
  const std::vector<Signal> buses = reference.get();
  ASSERT_EQ(rendered.status, 0) << rendered.err;

  int compared = 0, heard = 0;
  double worst = -1000;
  for (const mix::OutputPlan& output : mix::outputs(document)) {
    if (output.version != version) continue;
    for (const mix::OutputFile& file : output.files) {
      const Signal want = reference_deliverable(document, buses, document.deliverables[output.deliverable], file.bus ? &*file.bus : nullptr);
      const Sound got = read_sound(folder_ / "out/" + file.path);
      EXPECT_EQ(got.sample_rate, document.sample_rate);
      const double difference = difference_db(got.channels, want);
      EXPECT_LT(difference, -120) << file.path << ", seed " << seed;
      worst = std::max(worst, difference);
      heard += difference_db(want, Signal(want.size(), std::vector<double>(want.front().size()))) > -30 ? 1 : 0;
      ++compared;
    }
  }
  RecordProperty("worst_difference_dbfs", std::to_string(worst));
  EXPECT_EQ(compared, 7);
  EXPECT_GE(heard, is_recut ? 3 : 5) << "a mix that is hardly heard shows little, seed " << seed;
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomMix, ::testing::Range(0u, kFirstRecutSeed + 20, kSeedStep));

/// The difference of two signals, RMS, in dBFS.
double rms_difference_db(const Signal& a, const Signal& b) {
  double sum = 0, count = 1e-9;
  for (std::size_t c = 0; c < a.size(); ++c)
    for (std::size_t i = 0; i < a[c].size(); ++i, ++count) sum += (a[c][i] - b[c][i]) * (a[c][i] - b[c][i]);
  return 10 * std::log10(sum / count + 1e-40);
}

class Seams : public ::testing::TestWithParam<unsigned> {
 protected:
  MixFolder folder_;
};

TEST_P(Seams, AreNotHeardWhereverChunksBegin) {
  const std::string path = folder_.mix(random_mix(GetParam(), folder_, {.seconds = 4, .tracks = 7, .has_recuts = true}));
  const PlannedMix whole = plan_mix(path, Frames{1} << 40);  // one chunk, from the first frame to the last
  const auto rendered = render_here(whole, folder_ / "store", folder_ / "whole");
  ASSERT_TRUE(rendered.ok()) << rendered.error().message;
  double worst = -1000;
  const plan::BoundaryPolicy by_content{.shortest = 7200, .longest = 28800, .rest = 4800};
  for (const auto& [what, policy] : {std::pair("quarter seconds", plan::BoundaryPolicy::grid(whole.plan.sample_rate / 4)), {"bounded by content", by_content}}) {
    const PlannedMix cut = plan_mix(path, policy);
    ASSERT_GT(cut.plan.chunks.size(), 3 * whole.plan.chunks.size()) << what;
    ASSERT_TRUE(render_here(cut, folder_ / "store", folder_ / "cut").ok());
    for (const std::string& file : files_below(folder_ / "whole")) {
      const Signal is = read_sound(folder_ / "cut/" + file).channels, wanted = read_sound(folder_ / "whole/" + file).channels;
      const double difference = difference_db(is, wanted);
      EXPECT_LT(difference, -140) << file << " in chunks " << what << ", seed " << GetParam();
      EXPECT_LT(rms_difference_db(is, wanted), -150) << file << " in chunks " << what << ", seed " << GetParam();
      worst = std::max(worst, difference);
    }
  }
  RecordProperty("worst_difference_dbfs", std::to_string(worst));
}
INSTANTIATE_TEST_SUITE_P(Seeds, Seams, ::testing::Range(100u, 120u, kSeedStep));

/// Small mixes at the edges of the format: each is one change to 0.6 s of a mono track in a stereo stem with a room.
struct Edge {
  const char* name;
  const char* patch;  // RFC 7386, on top of the mix
};
void PrintTo(const Edge& edge, std::ostream* out) { *out << edge.name; }
const Edge kEdges[] = {
    {"OneSample", R"({"length": 1})"},
    {"ElevenSamples", R"({"length": 11})"},
    {"ResponseOfOneSample", R"({"reverbs": [{"name": "Room", "ir": "click.wav", "bus": "A", "layout": "stereo"}]})"},
    {"ResponseLongerThanTheTimeline", R"({"reverbs": [{"name": "Room", "ir": "long.wav", "bus": "A", "layout": "stereo", "predelay": 100}]})"},
    {"PredelayPastTheEnd", R"({"reverbs": [{"name": "Room", "ir": "room.wav", "bus": "A", "layout": "stereo", "predelay": "2s"}]})"},
    {"PredelayOfHalfTheMix", R"({"reverbs": [{"name": "Room", "ir": "room.wav", "bus": "A", "layout": "stereo", "predelay": "300ms"}]})"},
    {"ClipFromBeforeTheStartToAfterTheEnd", R"({"tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": -1000,
        "fade_in": {"length": 5000}, "fade_out": {"length": 3000}}]}]})"},
    {"ClipsOverEachOther", R"({"tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 10}, {"file": "a.wav", "at": 20, "gain_db": -3},
        {"file": "a.wav", "at": 30, "length": 1}, {"file": "a.wav", "at": 28000, "fade_out": {"length": 500, "curve": "cosine"}}]}]})"},
    {"FadesThatMeet", R"({"tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 0, "length": 20000,
        "fade_in": {"length": 15000, "curve": "equal_power"}, "fade_out": {"length": 5000, "curve": "cosine"}}]}]})"},
    {"TwoSendsToOneRoom", R"({"tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 0}], "gain_db": -6,
        "sends": [{"to": "Room", "gain_db": -3}, {"to": "Room", "pre_fader": true, "gain_db": [[0, -20], [20000, -6]]}]}]})"},
    {"FaderToSilenceAndBack", R"({"tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 0}],
        "gain_db": [[0, 0], [5000, -144], [9000, -200], [15000, -10], [15001, -144], [15002, 0]]}]})"},
    {"RoundAndRound", R"({"buses": [{"name": "A", "layout": "5.1"}], "tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 0}],
        "pan": [[0, -900], [28000, 1200]]}]})"},
    {"OnEveryLoudspeaker", R"({"buses": [{"name": "A", "layout": "7.1.4"}], "tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 0}],
        "pan": [[0, 0], [100, 30], [200, 90], [300, 135], [400, 180], [500, -135], [600, -90], [700, -30], [800, 30]]}]})"},
    {"NarrowLoudBand", R"({"tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 0, "gain_db": -40}],
        "eq": [{"type": "peak", "freq": 997, "q": 30, "gain_db": 30}, {"type": "bandpass", "freq": 1000, "q": 20}]}]})"},
    {"LowestAndHighestBands", R"({"tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 0}],
        "eq": [{"type": "highpass", "freq": 20, "q": 0.5}, {"type": "lowpass", "freq": 23000, "q": 2},
               {"type": "highshelf", "freq": 20000, "gain_db": -12}]}]})"},
    {"BandsThatMoveFast", R"({"tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 0}],
        "eq": [{"type": "lowpass", "freq": [[0, 100], [40, 20000], [41, 200], [105, 8000], [20000, 300]], "q": [[64, 0.5], [65, 5]]},
               {"type": "peak", "freq": 500, "gain_db": [[3, -20], [7, 12], [9000, -30]]}]}]})"},
    {"BusesInsideBuses", R"({"buses": [{"name": "A", "layout": "stereo"}, {"name": "D", "layout": "7.1.4", "bus": "C"},
        {"name": "C", "layout": "7.1", "bus": "B"},
        {"name": "B", "layout": "5.1", "bus": "A", "eq": [{"type": "allpass", "freq": 300}]}],
        "tracks": [{"name": "T", "bus": "D", "clips": [{"file": "a.wav", "at": 0}], "pan": 100, "lfe_db": -3}]})"},
    {"AllInTheRoomNothingDry", R"({"buses": [{"name": "A", "layout": "stereo"}, {"name": "B", "layout": "stereo"}],
        "versions": [{"name": "v", "mute": {"buses": ["B"]}}],
        "tracks": [{"name": "T", "bus": "B", "clips": [{"file": "a.wav", "at": 0}], "sends": [{"to": "Room"}]}]})"},
};

class EdgeMix : public ::testing::TestWithParam<Edge> {};

TEST_P(EdgeMix, SoundsAsTheReferenceDoesInOneChunkAndInMany) {
  MixFolder folder;
  folder.sound("a.wav", white_noise(1, 30000, 1));
  folder.sound("room.wav", decaying_noise(2, 5000, 2));
  folder.sound("long.wav", decaying_noise(2, 50000, 3));
  folder.sound("click.wav", {{0.5}, {-0.25}});
  Json mix = Json::parse(R"({"dubfarm": 1, "sample_rate": 48000, "frame_rate": "24", "length": 28800, "buses": [{"name": "A", "layout": "stereo"}],
    "reverbs": [{"name": "Room", "ir": "room.wav", "bus": "A", "layout": "stereo"}],
    "tracks": [{"name": "T", "bus": "A", "clips": [{"file": "a.wav", "at": 0}], "sends": [{"to": "Room", "gain_db": -6}]}],
    "deliverables": [{"name": "stems", "per_bus": true, "file": "{bus}.wav", "bits": "float"}]})");
  mix.merge_patch(Json::parse(GetParam().patch));
  const std::string path = folder.mix(mix);
  for (const std::optional<Frames> chunk_frames : {std::optional<Frames>(), std::optional<Frames>(4800), std::optional<Frames>(1234)}) {
    const PlannedMix planned = plan_mix(path, chunk_frames);
    const auto rendered = render_here(planned, folder / "store", folder / "out");
    ASSERT_TRUE(rendered.ok()) << rendered.error().message;
    const std::vector<Signal> buses = reference_buses(*planned.document, planned.document->versions[0]);
    for (std::size_t b = 0; b < buses.size(); ++b)
      if (!planned.document->buses[b].parent) {
        EXPECT_LT(difference_db(read_sound(folder / "out/" + planned.document->buses[b].name + ".wav").channels, buses[b]), -120)
            << "stem " << planned.document->buses[b].name << ", chunks of " << chunk_frames.value_or(0);
      }
  }
}
INSTANTIATE_TEST_SUITE_P(Format, EdgeMix, ::testing::ValuesIn(kEdges), [](const auto& edge) { return edge.param.name; });

/// Reverbs at peaks of eight times full scale, which transforms in float32 would miss by -115 dBFS; loud by what is sent, by a fader after
/// the reverb, and by a band of EQ.
TEST(LoudReverb, KeepsItsPrecision) {
  MixFolder folder;
  folder.sound("voice.wav", white_noise(1, 4 * 48000, 71));
  folder.sound("room.wav", white_noise(2, 24000, 72), 48000, 0x010006);  // 27 dB of energy
  for (const auto& [send_db, bus_db, shelf_db] : {std::tuple{-6.0, 0.0, 0.0}, {-26.0, 20.0, 0.0}, {-24.0, 0.0, 18.0}}) {
    const std::string path = folder.mix({{"dubfarm", 1}, {"sample_rate", 48000}, {"frame_rate", "24"}, {"length", "4s"},
        {"buses", {{{"name", "FX"}, {"layout", "stereo"}, {"gain_db", bus_db}}}},
        {"reverbs", {{{"name", "Room"}, {"ir", "room.wav"}, {"layout", "stereo"}, {"bus", "FX"},
                      {"eq", {{{"type", "lowshelf"}, {"freq", 8000}, {"gain_db", shelf_db}}}}}}},
        {"tracks", {{{"name", "Voice"}, {"bus", "FX"}, {"layout", "mono"}, {"clips", {{{"file", "voice.wav"}, {"at", 0}}}}, {"gain_db", -144},
                     {"sends", {{{"to", "Room"}, {"gain_db", send_db}, {"pre_fader", true}}}}}}},
        {"deliverables", {{{"name", "fx"}, {"layout", "stereo"}, {"file", "fx.wav"}, {"bits", "float"}, {"dither", "none"}}}}});
    const PlannedMix planned = plan_mix(path);
    const auto report = render_here(planned, folder / "store", folder / "out");
    ASSERT_TRUE(report.ok()) << report.error().message;
    const std::vector<Signal> buses = reference_buses(*planned.document, planned.document->versions[0]);
    const Signal want = reference_deliverable(*planned.document, buses, planned.document->deliverables[0]);
    double peak = 0.0;
    for (const auto& channel : want)
      for (const double value : channel) peak = std::max(peak, std::abs(value));
    EXPECT_GT(peak, 4.0);
    EXPECT_LT(difference_db(read_sound(folder / "out/fx.wav").channels, want), -123) << send_db << " dB sent, fader at " << bus_db << " dB, shelf " << shelf_db;
  }
}

}  // namespace
}  // namespace dubfarm::cli
