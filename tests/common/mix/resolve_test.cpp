#include "common/mix/resolve.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/mix/mix_text.hpp"

namespace dubfarm::mix {
namespace {

using testing::ElementsAre;

TEST(Expand, PutsValuesInPlaceOfNamesInBracesOnce) {
  const std::map<std::string, std::string> variables{{"title", "Night Train"}, {"lang", "{title}"}};
  EXPECT_EQ(*expand("{title}_{lang}.wav", variables), "Night Train_{title}.wav");
  EXPECT_EQ(*expand("plain.wav", variables), "plain.wav");
}

TEST(Expand, RefusesUnknownNamesAndLoneBraces) {
  const std::map<std::string, std::string> variables{{"lang", "en"}};
  EXPECT_EQ(expand("{lnag}.wav", variables).error().message, "unknown variable {lnag} in \"{lnag}.wav\"; did you mean {lang}?");
  EXPECT_EQ(expand("a{lang", variables).error().message, "\"a{lang\" has a \"{\" without its partner");
  EXPECT_EQ(expand("a}b", variables).error().message, "\"a}b\" has a \"}\" without its partner");
  EXPECT_FALSE(expand("{{lang}}", variables).ok());
}

TEST(Glob, StarMatchesAnyRunAndQuestionMarkOneCharacter) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("en*", "en-hi"));
  EXPECT_FALSE(glob_match("en*", "fr"));
  EXPECT_TRUE(glob_match("*a*b", "xaxbxb"));
  EXPECT_FALSE(glob_match("*a*b", "xaxbxc"));
  EXPECT_TRUE(glob_match("D?", "DX"));
  EXPECT_FALSE(glob_match("D?", "D"));
  EXPECT_TRUE(glob_match("?", "\xC3\xA9")) << "one character, two bytes";
  EXPECT_TRUE(glob_match("*", "a/.b")) << "no special meaning for / and .";
}

TEST(Glob, SetsHoldCharactersRangesAndTheirNegation) {
  EXPECT_TRUE(glob_match("T[0-9]", "T7"));
  EXPECT_FALSE(glob_match("T[0-9]", "Tx"));
  EXPECT_TRUE(glob_match("T[!0-9]", "Tx"));
  EXPECT_TRUE(glob_match("[]a]", "]"));
  EXPECT_TRUE(glob_match("[a-]", "-"));
  EXPECT_FALSE(glob_match("[z-a]", "m"));
  EXPECT_TRUE(glob_match("[*]", "*"));
  EXPECT_FALSE(glob_match("[*]", "x"));
  EXPECT_TRUE(glob_match("a[b", "a[b")) << "a bracket that is not closed is itself";
}

TEST(Glob, MindsCaseAndMatchesTheWholeName) {
  EXPECT_FALSE(glob_match("dx", "DX"));
  EXPECT_FALSE(glob_match("D", "DX"));
}

TEST(Glob, ManyStarsCostNoMoreThanTheProductOfTheLengths) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", std::string(5000, 'a')));
}

TEST(NearestName, IsTheOneWithTheFewestSlips) {
  const std::vector<std::string> names{"FX_BED_1", "FX_BED_2", "MX"};
  EXPECT_EQ(nearest_name("FX_BED2", names), "FX_BED_2");
  EXPECT_EQ(nearest_name("fx_bed_1", names), "FX_BED_1");
  EXPECT_EQ(nearest_name("XM", names), "MX") << "neighbours exchanged are one slip";
  EXPECT_EQ(nearest_name("Narration", names), std::nullopt);
}

TEST(VersionView, AddsItsVariablesMutesAndFaders) {
  const Document document = parsed(
      MixText{.variables = R"("variables": {"lang": "en", "reel": 2},)",
              .tracks = R"({"name": "T1", "bus": "FX"}, {"name": "T2", "bus": "FX", "mute": true}, {"name": "DX", "bus": "DX"})",
              .versions = R"("versions": [{"name": "en"}, {"name": "fr", "set": {"lang": "fr"}, "mute": {"tracks": ["T1"], "buses": ["D*"]},
                                              "adjust": [{"buses": ["?X"], "gain_db": -6}, {"tracks": ["DX"], "gain_db": 2}, {"tracks": ["*"], "gain_db": 1}]}],)"});
  const VersionView en = view(document, document.versions[0]), fr = view(document, document.versions[1]);
  EXPECT_EQ(en.variables.at("lang"), "en");
  EXPECT_EQ(en.variables.at("reel"), "2");
  EXPECT_EQ(en.variables.at("title"), "Night Train");
  EXPECT_THAT(en.track_muted, ElementsAre(false, true, false));
  EXPECT_EQ(fr.variables.at("lang"), "fr");
  EXPECT_EQ(fr.variables.at("version"), "fr");
  EXPECT_THAT(fr.track_muted, ElementsAre(true, true, false));
  EXPECT_THAT(fr.bus_muted, ElementsAre(true, false, false, false));
  EXPECT_THAT(fr.track_adjust_db, ElementsAre(1, 1, 3));
  EXPECT_THAT(fr.bus_adjust_db, ElementsAre(-6, -6, -6, 0));
}

std::vector<std::string> paths(const std::vector<OutputPlan>& plans) {
  std::vector<std::string> out;
  for (const OutputPlan& plan : plans)
    for (const OutputFile& file : plan.files) out.push_back(file.path);
  return out;
}

TEST(Outputs, AreVersionsTimesDeliverablesInOrder) {
  const Document document = parsed(MixText{.versions = R"("versions": [{"name": "en"}, {"name": "fr"}],)",
                                           .deliverables = R"({"name": "a", "layout": "5.1", "file": "{title}_{version}_{deliverable}.wav"},
                                                              {"name": "me", "layout": "stereo", "file": "me.wav", "versions": ["e*"]})"});
  EXPECT_THAT(paths(outputs(document)), ElementsAre("Night Train_en_a.wav", "me.wav", "Night Train_fr_a.wav"));
}

TEST(Outputs, PerBusWritesAFileForEachIncludedStemInItsOwnLayout) {
  const Document document =
      parsed(MixText{.deliverables = R"({"name": "s", "per_bus": true, "include": ["DX", "M*"], "file": "stems/{bus}.wav"})"});
  const auto plans = outputs(document);
  EXPECT_THAT(paths(plans), ElementsAre("stems/DX.wav", "stems/MX.wav"));
  EXPECT_EQ(plans[0].files[1].bus, 2U);
}

TEST(Outputs, SplitMonoWritesAFileForEachChannelInTheOrderAsked) {
  const auto split = [](const char* order) {
    return parsed(
        MixText{.deliverables =
                    std::string(R"({"name": "d", "layout": "5.1", "split": "mono", "file": "{channel}.wav", "order": ")") + order + "\"}"});
  };
  EXPECT_THAT(paths(outputs(split("smpte"))), ElementsAre("L.wav", "R.wav", "C.wav", "LFE.wav", "Ls.wav", "Rs.wav"));
  EXPECT_THAT(paths(outputs(split("film"))), ElementsAre("L.wav", "C.wav", "R.wav", "Ls.wav", "Rs.wav", "LFE.wav"));
  EXPECT_EQ(outputs(split("film"))[0].files[1].channel, 2) << "the channel is counted in SMPTE order";
}

TEST(Outputs, FilmOrderIsKnownForAllLayoutsButThoseWithHeights) {
  EXPECT_THAT(*file_channels(Layout::surround_71, ChannelOrder::film), ElementsAre(0, 2, 1, 4, 5, 6, 7, 3));
  EXPECT_THAT(*file_channels(Layout::stereo, ChannelOrder::film), ElementsAre(0, 1));
  EXPECT_FALSE(file_channels(Layout::immersive_714, ChannelOrder::film));
}

TEST(OutputPath, StaysInsideTheOutputFolderUnderNamesThatEveryFileSystemHolds) {
  EXPECT_EQ(path_problem("a/b c_1.wav"), std::nullopt);
  EXPECT_EQ(path_problem("..a/b...c.wav"), std::nullopt);
  EXPECT_EQ(path_problem(""), "it is empty");
  EXPECT_EQ(path_problem("/a.wav"), "it is absolute; it counts from the output folder");
  EXPECT_EQ(path_problem("a/../../b.wav"), "\"..\" climbs out of the output folder");
  EXPECT_EQ(path_problem("./b.wav"), "\".\" names no folder");
  EXPECT_EQ(path_problem("a//b.wav"), "a folder or file in it has no name");
  EXPECT_EQ(path_problem("a:b.wav"), "it holds :, which not every file system can");
  EXPECT_EQ(path_problem("a\\b.wav"), "it holds \\, which not every file system can");
  EXPECT_EQ(path_problem("a\nb.wav"), "it holds the control character U+000A");
  EXPECT_EQ(path_problem("a./b.wav"), "\"a.\" ends in a full stop, which not every file system can keep");
  EXPECT_EQ(path_problem(std::string(252, 'a') + ".wav"), "a name in it has 256 bytes, and a file name may have 255");
}

TEST(RenderIdentity, ChangesWithWhatReachesTheStemsAndWithNothingElse) {
  const Document document = parsed(MixText{
      .variables = R"("variables": {"lang": "en"},)",
      .tracks =
          R"({"name": "D", "bus": "DX", "clips": [{"file": "{lang}.wav", "at": 0}]}, {"name": "M", "bus": "MX", "clips": [{"file": "m.wav", "at": 0}]})",
      .versions =
          R"("versions": [{"name": "en"}, {"name": "fr", "set": {"lang": "fr"}}, {"name": "hi", "adjust": [{"buses": ["FOL"], "gain_db": 1}]}],)",
      .deliverables =
          R"({"name": "me", "layout": "5.1", "include": ["MX", "FX"], "file": "{version}.wav"}, {"name": "all", "layout": "5.1", "file": "{version}a.wav"})"});
  const auto identity = [&](std::size_t version, std::size_t deliverable) {
    return render_identity(document, view(document, document.versions[version]), document.deliverables[deliverable], std::nullopt);
  };
  EXPECT_EQ(identity(0, 0), identity(1, 0)) << "a language is not in the M&E";
  EXPECT_NE(identity(0, 1), identity(1, 1)) << "it is in the full mix";
  EXPECT_NE(identity(0, 0), identity(2, 0)) << "a fader below one of the stems";
}

}  // namespace
}  // namespace dubfarm::mix
