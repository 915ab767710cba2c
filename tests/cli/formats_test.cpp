// A mix delivered in every container: the same samples, the same measured loudness, names for the channels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include "tests/support/reel.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;
using ::testing::HasSubstr;

TEST(Formats, HoldTheSameSamples) {
  Reel reel;
  reel.document["length"] = "12s";
  Json& deliverables = reel.document["deliverables"] = Json::array();
  const auto add = [&](const char* name, const char* file, Json more) {
    Json d = {{"name", name}, {"layout", "5.1"}, {"file", file}, {"versions", {"en"}}, {"dither", "none"}};
    d.update(more);
    deliverables.push_back(d);
  };
  add("wav", "a.wav", Json::object());
  add("rf64", "b.wav", {{"format", "rf64"}});
  add("bw64", "c.wav", {{"format", "bw64"}});
  add("flac", "d.flac", Json::object());
  add("aiff", "e.aiff", Json::object());
  add("aif", "f.aif", {{"bits", "float"}});
  add("mono", "g.{channel}.flac", {{"split", "mono"}, {"order", "film"}});
  reel.write();
  const CommandResult result = reel.render("out", "store");
  ASSERT_EQ(result.status, 0) << result.err;
  const Json report = reel.report("out");
  const std::string out = reel.folder / "out/";
  const Sound wav = read_sound(out + "a.wav");
  ASSERT_GT(*std::max_element(wav.channels[0].begin(), wav.channels[0].end()), 0.01);
  EXPECT_EQ(read_sound(out + "b.wav").channels, wav.channels);
  const Sound flac = read_sound(out + "d.flac"), aiff = read_sound(out + "e.aiff"), aif = read_sound(out + "f.aif");
  EXPECT_EQ(flac.format & SF_FORMAT_TYPEMASK, SF_FORMAT_FLAC);
  EXPECT_EQ(flac.channels, wav.channels);
  EXPECT_EQ(aiff.format & SF_FORMAT_TYPEMASK, SF_FORMAT_AIFF);
  EXPECT_EQ(aiff.channels, wav.channels);
  EXPECT_EQ(aif.format & SF_FORMAT_SUBMASK, SF_FORMAT_FLOAT);
  EXPECT_LT(difference_db(aif.channels, wav.channels), -138);
  EXPECT_EQ(read_sound(out + "g.LFE.flac").channels[0], wav.channels[3]);
  EXPECT_EQ(file_text(out + "c.wav").substr(0, 4), "BW64");
  for (const Json& output : report["outputs"])
    if (output["deliverable"] != "aif") {
      EXPECT_EQ(output["loudness"], report["outputs"][0]["loudness"]) << output["deliverable"];
    }
  const CommandResult measured = dubfarm({"measure", "--json", out + "d.flac", out + "e.aiff"});
  for (const Json& file : Json::parse(measured.out))
    EXPECT_NEAR(file["loudness"]["integrated_lufs"].get<double>(), report["outputs"][0]["loudness"]["integrated_lufs"].get<double>(), 0.001);
  const std::string bytes = file_text(out + "a.wav");
  EXPECT_THAT(bytes.substr(0, 4000), HasSubstr("<NAME>LFE</NAME>"));
  EXPECT_THAT(bytes.substr(0, 4000), HasSubstr("<NOTE>en - wav, starts at 01:00:00:00</NOTE>"));
  EXPECT_EQ(dubfarm({"verify", reel.folder / "out"}).status, 0);
}

}  // namespace
}  // namespace dubfarm::cli
