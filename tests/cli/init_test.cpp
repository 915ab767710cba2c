// `dubfarm init`: what it makes of the names that studios give their files. Every draft must parse, and name only files that are there.
#include "cli/init.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/exit_code.hpp"
#include "cli/init_names.hpp"
#include "cli/validate.hpp"
#include "common/mix/parse.hpp"
#include "tests/common/media/media_files.hpp"

namespace dubfarm::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Stands for the reading of a name: "DX fr L"; "-" where it says nothing.
std::string read(std::string_view path) {
  const FileName name = read_file_name(path);
  return fmt::format("{} {} {}", name.kind == nullptr ? "-" : name.kind->bus, name.language ? name.language->language : "-",
                     name.channel.empty() ? "-" : name.channel);
}

TEST(InitNames, TheStemIsAWordOfTheFileNameOrOfTheNearestFolder) {
  EXPECT_EQ(read("Film_DX.wav"), "DX - -");
  EXPECT_EQ(read("R1_DLG_v3.wav"), "DX - -");
  EXPECT_EQ(read("dia01.wav"), "DX - -");
  EXPECT_EQ(read("Narration.flac"), "VO - -");
  EXPECT_EQ(read("score/cue 1.wav"), "MX - -");
  EXPECT_EQ(read("SFX/Foley/steps.wav"), "FOL - -");
  EXPECT_EQ(read("music/FX hit.wav"), "FX - -");
  EXPECT_EQ(read("BG2.wav"), "AMB - -");
  EXPECT_EQ(read("Film_M&E.wav"), "ME - -");
}

TEST(InitNames, AWordInsideAnotherIsNoStem) {
  EXPECT_EQ(read("dxball.wav"), "- - -");
  EXPECT_EQ(read("ambulance.wav"), "- - -");
}

TEST(InitNames, LanguagesAreTagsInTheNameOrAFolder) {
  EXPECT_EQ(read("DX_FR.wav"), "DX fr -");
  EXPECT_EQ(read("DX_fra.wav"), "DX fr -");
  EXPECT_EQ(read("en_DX_v2.wav"), "DX en -");
  EXPECT_EQ(read("DX_en-US.wav"), "DX en-US -");
  EXPECT_EQ(read("DX_pt_BR.wav"), "DX pt-BR -");
  EXPECT_EQ(read("DX_es-419.wav"), "DX es-419 -");
  EXPECT_EQ(read("dialogue/fr/line1.wav"), "DX fr -");
  EXPECT_EQ(read("fr/dialogue/line1.wav"), "DX fr -");
}

TEST(InitNames, WordsOfATitleAreNoLanguages) {
  EXPECT_EQ(read("Why It Matters_DX_v1.wav"), "DX - -");
  EXPECT_EQ(read("what is it about DX 5.wav"), "DX - -");
  EXPECT_EQ(read("FR_MX.wav"), "MX fr -") << "MX is music here, not Mexico";
}

TEST(InitNames, ChannelSuffixesOfMultiMonoStems) {
  EXPECT_EQ(read("MX.L.wav"), "MX - L");
  EXPECT_EQ(read("MX_Ls.wav"), "MX - Ls");
  EXPECT_EQ(read("MX.LFE.wav"), "MX - LFE");
  EXPECT_EQ(read("DX_fr.C.wav"), "DX fr C");
}

class Init : public ::testing::Test {
 protected:
  // A tone of `seconds` with `channels` channels under `name`.
  void sound(const std::string& name, int channels = 1, double seconds = 0.1, int rate = 48000, int format = SF_FORMAT_WAV | SF_FORMAT_PCM_24) {
    const std::string path = folder_.path(name);
    fs::create_directories(fs::path(path).parent_path());
    std::vector<float> samples(static_cast<std::size_t>(std::lround(seconds * rate)) * static_cast<std::size_t>(channels));
    for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = 0.1F * static_cast<float>(std::sin(0.05 * static_cast<double>(i)));
    dubfarm::testing::sound(path, format, rate, channels, samples);
  }

  // The draft for the folder, parsed, and validated against its media.
  mix::Document draft() {
    const std::string path = folder_.path("film.mix.json");
    const Result<MixDraft> made = draft_mix(folder_.path(""), path);
    if (!made.ok()) {
      ADD_FAILURE() << made.error().message;
      return {};
    }
    notes_ = made->notes;
    text_ = made->text;
    folder_.file("film.mix.json", text_);
    mix::ParseOutcome parsed = mix::parse_mix(text_, path);
    EXPECT_TRUE(parsed.errors.empty()) << mix::format_diagnostics(text_, path, parsed.errors) << text_;
    EXPECT_EQ(run_validate(path, false), kDone) << text_;
    return parsed.document.value_or(mix::Document{});
  }

  static std::vector<std::string> names(const auto& things) {
    std::vector<std::string> out;
    for (const auto& thing : things) out.push_back(thing.name);
    return out;
  }

  dubfarm::testing::TemporaryFolder folder_;
  std::vector<std::string> notes_;
  std::string text_;
};

TEST_F(Init, StemsBecomeTracksOnBusesWithRoles) {
  sound("Film_DX.wav");
  sound("Film_MX.wav", 2);
  sound("Film_FX.flac", 2, 0.2, 48000, SF_FORMAT_FLAC | SF_FORMAT_PCM_16);

  const mix::Document mix = draft();

  EXPECT_THAT(names(mix.buses), ElementsAre("DX", "MX", "FX"));
  EXPECT_EQ(mix.buses.at(0).role, mix::Role::dialogue);
  EXPECT_EQ(mix.buses.at(2).role, mix::Role::effects);
  EXPECT_EQ(mix.buses.at(0).layout, Layout::stereo);
  EXPECT_EQ(mix.length, 9600) << "the longest file";
  EXPECT_THAT(names(mix.deliverables), ElementsAre("printmaster", "me", "stems"));
  EXPECT_THAT(mix.deliverables.at(1).include, ElementsAre("MX", "FX"));
}

TEST_F(Init, OneSurroundStemMakesTheWholeMixSurround) {
  sound("DX.wav");
  sound("MX.wav", 6);

  const mix::Document mix = draft();

  EXPECT_EQ(mix.buses.at(0).layout, Layout::surround_51);
  EXPECT_THAT(names(mix.deliverables), ElementsAre("printmaster", "stereo", "me", "stems"));
  EXPECT_EQ(mix.deliverables.at(0).layout, Layout::surround_51);
}

TEST_F(Init, ALineInEveryLanguageIsOneClipWithAVariable) {
  for (const char* language : {"de", "en", "fr"}) sound(std::string("dialogue/") + language + "/line1.wav");
  sound("MX.wav", 2);

  const mix::Document mix = draft();

  EXPECT_THAT(names(mix.versions), ElementsAre("en", "de", "fr")) << "English first, then by tag";
  ASSERT_EQ(mix.tracks.size(), 2U);
  EXPECT_EQ(mix.tracks.at(1).clips.at(0).file, "dialogue/{lang}/line1.wav");
  EXPECT_EQ(mix.versions.at(2).set.at("lang"), "fr");
  EXPECT_THAT(mix.deliverables.at(1).versions, ElementsAre("en")) << "the M&E is written once";
}

TEST_F(Init, TwoSpellingsOfOneLanguageBecomeTwoVariables) {
  sound("dialogue/fr/line.wav"), sound("dialogue/en/line.wav");
  sound("NAR_FRA.wav"), sound("NAR_ENG.wav");

  const mix::Document mix = draft();

  EXPECT_THAT(names(mix.versions), ElementsAre("en", "fr"));
  EXPECT_EQ(mix.versions.at(1).set.size(), 2U);
  std::vector<std::string> values;
  for (const auto& [name, value] : mix.versions.at(1).set) values.push_back(value);
  EXPECT_THAT(values, ::testing::UnorderedElementsAre("fr", "FRA"));
}

TEST_F(Init, ALineThatOneLanguageLacksIsMutedThere) {
  sound("dialogue/en/a.wav"), sound("dialogue/fr/a.wav"), sound("dialogue/en/b.wav");

  const mix::Document mix = draft();

  ASSERT_EQ(mix.tracks.size(), 2U);
  ASSERT_THAT(names(mix.versions), ElementsAre("en", "fr"));
  EXPECT_TRUE(mix.versions.at(0).mute_tracks.empty());
  EXPECT_EQ(mix.versions.at(1).mute_tracks.size(), 1U);
  EXPECT_THAT(notes_, Contains(HasSubstr("only \"en\" has it")));
}

TEST_F(Init, ShortLinesStandOneAfterAnother) {
  sound("dialogue/en/l1.wav", 1, 0.5), sound("dialogue/en/l2.wav", 1, 1.5), sound("dialogue/en/l3.wav", 1, 0.5);

  const mix::Document mix = draft();

  ASSERT_EQ(mix.tracks.size(), 1U);
  ASSERT_EQ(mix.tracks.at(0).clips.size(), 3U);
  EXPECT_EQ(mix.tracks.at(0).clips.at(1).at, 2 * 48000);
  EXPECT_EQ(mix.tracks.at(0).clips.at(2).at, 5 * 48000);
  EXPECT_EQ(mix.length, 5 * 48000 + 24000);
}

TEST_F(Init, MultiMonoMembersStandAtTheirLoudspeakersAndTheLfeIsReported) {
  for (const char* channel : {"L", "R", "C", "LFE", "Ls", "Rs"}) sound(std::string("MX.") + channel + ".wav");

  const mix::Document mix = draft();

  ASSERT_EQ(mix.tracks.size(), 5U);
  std::vector<double> azimuths;
  for (const mix::Track& track : mix.tracks) azimuths.push_back(track.azimuth_deg.constant);
  EXPECT_THAT(azimuths, ::testing::UnorderedElementsAre(30, -30, 0, 110, -110));
  EXPECT_EQ(mix.buses.at(0).layout, Layout::surround_51);
  EXPECT_THAT(notes_, Contains(HasSubstr("left out MX.LFE.wav")));
}

TEST_F(Init, AMonoFileThatOnlyLooksLikeAMemberStandsAlone) {
  sound("DX.C.wav");

  const mix::Document mix = draft();

  ASSERT_EQ(mix.tracks.size(), 1U);
  EXPECT_EQ(mix.buses.at(0).layout, Layout::stereo);
}

TEST_F(Init, TheMixRunsAtTheRateOfMostFiles) {
  sound("DX.wav", 1, 0.1, 44100), sound("MX.wav", 2, 0.1, 44100), sound("FX.wav", 2, 0.2, 48000);

  const mix::Document mix = draft();

  EXPECT_EQ(mix.sample_rate, 44100);
  EXPECT_EQ(mix.length, 8820);
}

TEST_F(Init, FilesThatSayNothingOrDoNotOpenAreLeftOutWithAReason) {
  sound("DX.wav"), sound("holiday.wav");
  folder_.file("MX.wav", "this is no sound");

  EXPECT_EQ(draft().tracks.size(), 1U);

  EXPECT_THAT(notes_, Contains(HasSubstr("left out holiday.wav")));
  EXPECT_THAT(notes_, Contains(HasSubstr("MX.wav")));
}

TEST_F(Init, NothingRecognisedSaysWhatNamesAre) {
  sound("holiday.wav");

  const Result<MixDraft> made = draft_mix(folder_.path(""), folder_.path("x.mix.json"));

  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, Errc::invalid_input);
  EXPECT_THAT(made.error().message, HasSubstr("1 sound file, none recognised"));
  EXPECT_THAT(made.error().message, HasSubstr("DX, DIA"));
}

TEST_F(Init, ADocumentThatIsThereIsKeptUnlessForced) {
  sound("DX.wav");
  const std::string path = folder_.file("mine.mix.json", "precious");

  EXPECT_EQ(run_init(folder_.path(""), path, false), kBadInput);
  EXPECT_EQ(dubfarm::testing::read_file(path), "precious");

  EXPECT_EQ(run_init(folder_.path(""), path, true), kDone);
  EXPECT_EQ(run_validate(path, false), kDone);
}

TEST_F(Init, ADocumentElsewhereFindsTheMediaAllTheSame) {
  sound("media/DX.wav");
  fs::create_directories(folder_.path("documents"));
  const std::string path = folder_.path("documents/film.mix.json");

  EXPECT_EQ(run_init(folder_.path("media"), path, false), kDone);

  EXPECT_EQ(run_validate(path, false), kDone);
}

TEST_F(Init, AFolderThatIsNotThereIsBadInput) { EXPECT_EQ(run_init(folder_.path("nowhere"), "", false), kBadInput); }

}  // namespace
}  // namespace dubfarm::cli
