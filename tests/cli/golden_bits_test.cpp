// What is remembered is remembered under numbers that are raised by hand: these tests fail where bits change and the number stays.
#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <string_view>

#include "cli/farm/self_test.hpp"
#include "cli/print_key.hpp"
#include "common/sha256.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;

TEST(GoldenBits, ChunksAreThoseOfTheNumericProfile) {
  const Result<void> sound = self_test();
  EXPECT_TRUE(sound.ok()) << sound.error().message << "\nIf this was meant, raise worker::kNumericProfile (and kDeviceProfile) and give self_test.cpp its new sum.";
}

/// Every value that kPrintVersion had, and what the mix below was printed to.
struct Golden {
  int print_version;
  std::string_view sum;
};
constexpr Golden kPrints[] = {
    {1, "464c04db2b5b83cacc50ad98e764fae2f69d470986bc9ea9619f72d8b88497a8"},
    {2, "464c04db2b5b83cacc50ad98e764fae2f69d470986bc9ea9619f72d8b88497a8"},  // a gain that lifts passages over the absolute gate; here it lifts none
};

/// The chunks are bare clips, so that whatever changes the sum changed in printing: folding, levels, normalising, limiting, dither, sample types,
/// containers, leader and pops, meters, quality control.
constexpr const char* kMix = R"({
  "dubfarm": 1, "title": "Golden", "sample_rate": 48000, "frame_rate": "25", "start": "01:00:00:00", "length": "9s",
  "buses": [{"name": "DX", "layout": "mono", "role": "dialogue"}, {"name": "MX", "layout": "stereo", "role": "music"}, {"name": "FX", "layout": "5.1", "role": "effects"}],
  "tracks": [{"name": "Voice", "bus": "DX", "clips": [{"file": "voice.wav", "at": "2s"}]},
             {"name": "Score", "bus": "MX", "layout": "stereo", "clips": [{"file": "score.wav", "at": 0}]},
             {"name": "Storm", "bus": "FX", "layout": "5.1", "clips": [{"file": "storm.wav", "at": "4s"}]}],
  "deliverables": [
    {"name": "pm", "layout": "5.1", "file": "pm.wav", "loudness": "ebu-r128", "normalize": "program", "limiter": {"ceiling_dbtp": -1.5}, "bits": 24},
    {"name": "stems", "per_bus": true, "file": "{bus}.wav", "follow": "pm", "bits": 24},
    {"name": "20", "layout": "stereo", "file": "20.wav", "bits": 16, "mix": {"MX": -4.5}, "leader": {"length": "8s"}, "tail": {"length": "3s", "pop": "2s"}},
    {"name": "mono", "layout": "mono", "file": "mono.wav", "bits": "float", "dither": "none"},
    {"name": "channels", "layout": "5.1", "split": "mono", "file": "m_{channel}.wav", "bits": 24, "dither": "none"}]})";

std::string without_version(std::string text) {
  const std::string_view version = DUBFARM_VERSION;
  for (std::size_t at = 0; (at = text.find(version, at)) != std::string::npos;) text.replace(at, version.size(), std::string(version.size(), 'x'));
  return text;
}

/// Readings to a millionth: of a logarithm's last bit a report says nothing.
void round_numbers(Json& json) {
  if (json.is_number_float()) json = static_cast<std::int64_t>(std::llround(json.get<double>() * 1e6));
  else if (json.is_structured())
    for (Json& element : json) round_numbers(element);
}

TEST(GoldenBits, PrintsAreThoseOfThePrintVersion) {
  MixFolder folder;
  folder.sound("voice.wav", white_noise(1, 4 * 48000, 1, 0.2));
  folder.sound("score.wav", white_noise(2, 9 * 48000, 2, 0.05));
  folder.sound("storm.wav", white_noise(6, 3 * 48000, 3, 0.7));
  const auto rendered = render_here(plan_mix(folder.mix(Json::parse(kMix)), Frames{48000}), folder / "store", folder / "out");
  ASSERT_TRUE(rendered.ok()) << rendered.error().message;
  Sha256 hash;
  const auto add = [&](const std::string& text) { hash.update(std::as_bytes(std::span(text))); };
  for (const std::string& file : files_below(folder / "out"))
    if (file.ends_with(".wav")) add(file), add(without_version(file_text(folder / "out/" + file)));
  Json outputs = Json::parse(scheduler::report_json(*rendered))["outputs"];
  ASSERT_EQ(outputs.size(), 7u);
  for (Json& output : outputs)
    for (Json& file : output["files"]) file.erase("sha256");
  round_numbers(outputs);
  add(outputs.dump());
  const std::string sum = hash.hex();

  const Golden& now = *std::prev(std::end(kPrints));
  EXPECT_EQ(now.print_version, kPrintVersion) << "raised: append {" << kPrintVersion << ", \"" << sum << "\"} to kPrints";
  EXPECT_EQ(now.sum, sum) << "printing gives other bytes or readings than kPrintVersion " << kPrintVersion << " did: records of finished prints would be used again "
                          << "for what is printed otherwise now. If this was meant, raise kPrintVersion and append its sum to kPrints.";
}

}  // namespace
}  // namespace dubfarm::cli
