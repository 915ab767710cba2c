// What is said, word for word, when the mix, the media or the machine is not as it must be; and that nothing bad is left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/support/local_render.hpp"
#include "tests/support/reel.hpp"

namespace dubfarm::cli {
namespace {

namespace fs = std::filesystem;
using namespace dubfarm::testing;
using ::testing::HasSubstr, ::testing::MatchesRegex;

constexpr int kBadInput = 2, kCannotRun = 3;
constexpr Frames kRate = 48000;
const std::string kNoHint = "help: paths count from the mix document's folder; check the name, its case, and the variables in it\n";

/// A mix of one clip, "voice.wav" (2 s, mono), in one stem.
class BadInput : public ::testing::Test {
 protected:
  BadInput() {
    folder_.sound("voice.wav", white_noise(1, 2 * kRate, 1));
    mix_ = {{"dubfarm", 1},
            {"title", "Bad"},
            {"sample_rate", kRate},
            {"frame_rate", "24"},
            {"length", "3s"},
            {"buses", {{{"name", "DX"}, {"layout", "stereo"}}}},
            {"reverbs", Json::array()},
            {"tracks", {{{"name", "Voice"}, {"bus", "DX"}, {"clips", {{{"file", "voice.wav"}, {"at", 0}}}}}}},
            {"deliverables", {{{"name", "stereo"}, {"layout", "stereo"}, {"file", "{title}.wav"}}}}};
  }
  Json& clip() { return mix_["tracks"][0]["clips"][0]; }
  CommandResult render(std::vector<std::string> more = {}, const CommandLimits& limits = {}) {
    std::vector<std::string> arguments = {"render", folder_.mix(mix_), "--out", folder_ / "out", "--store", folder_ / "store"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return replaced(dubfarm(arguments, limits));
  }
  /// "<folder>" in place of the test's folder.
  CommandResult replaced(CommandResult result) const {
    for (std::string* text : {&result.out, &result.err})
      for (std::size_t at; (at = text->find(folder_.path())) != std::string::npos;) text->replace(at, folder_.path().size(), "<folder>");
    return result;
  }
  /// Renders, and expects `status` and exactly this on stderr, nothing on stdout, and no output file.
  void expect_refused(int status, const std::string& err, std::vector<std::string> more = {}) {
    const CommandResult result = render(std::move(more));
    EXPECT_EQ(result.status, status);
    EXPECT_EQ(result.err, err);
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(outputs(), std::vector<std::string>{});
  }
  /// What a diagnostic shows of the clip's "file".
  static std::string at_clip(const std::string& file) {
    return "  --> <folder>/film.mix.json:20:14  at /tracks/0/clips/0/file\n   |\n20 |      \"file\": \"" + file + "\",\n   |              " +
           std::string(file.size() + 2, '^') + "\n";
  }
  [[nodiscard]] std::vector<std::string> outputs() const { return files_below(folder_ / "out"); }
  /// Overwrites bytes of a file.
  void patch(const std::string& name, std::streamoff at, std::string_view bytes) const {
    std::fstream file(folder_ / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }

  MixFolder folder_;
  Json mix_;
};

// ---- the document and its media

TEST_F(BadInput, AMixThatIsNotThere) {
  const CommandResult result = replaced(dubfarm({"render", folder_ / "none.mix.json", "--out", folder_ / "out", "--store", folder_ / "store"}));
  EXPECT_EQ(result.status, kBadInput);
  EXPECT_EQ(result.err, "error: <folder>/none.mix.json: cannot read it: No such file or directory\n");
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  EXPECT_FALSE(fs::exists(folder_ / "store"));
}

TEST_F(BadInput, ADeliverySpecThatNobodyKnows) {
  mix_["deliverables"][0]["loudness"] = "ebu-r182";
  const std::string said = "error: unknown delivery spec \"ebu-r182\"\n  --> <folder>/film.mix.json:31:16  at /deliverables/0/loudness\n   |\n"
                           "31 |    \"loudness\": \"ebu-r182\"\n   |                ^^^^^^^^^^ not a delivery spec\nhelp: did you mean \"ebu-r128\"?\n";
  expect_refused(kBadInput, said);
  const CommandResult validated = replaced(dubfarm({"validate", folder_ / "film.mix.json"}));
  EXPECT_EQ(validated.status, kBadInput);
  EXPECT_EQ(validated.err, said);
}

TEST_F(BadInput, AMediaFileThatIsNotThere) {
  clip()["file"] = "voices.wav";
  expect_refused(kBadInput, "error: there is no file \"<folder>/voices.wav\"\n" + at_clip("voices.wav") + "help: did you mean \"<folder>/voice.wav\"?\n");
}

TEST_F(BadInput, TheNearestNameIsNotOneOfAnotherNumber) {
  folder_.sound("line 12.wav", white_noise(1, 100, 1));
  clip()["file"] = "line 13.wav";
  expect_refused(kBadInput, "error: there is no file \"<folder>/line 13.wav\"\n" + at_clip("line 13.wav") + kNoHint);
  clip()["file"] = "Line 12.WAV";
  expect_refused(kBadInput, "error: there is no file \"<folder>/Line 12.WAV\"\n" + at_clip("Line 12.WAV") + "help: did you mean \"<folder>/line 12.wav\"?\n");
}

TEST_F(BadInput, AMediaFileThatOneLanguageLacks) {
  mix_["variables"] = {{"lang", "en"}};
  mix_["versions"] = {{{"name", "en"}}, {{"name", "fr"}, {"set", {{"lang", "fr"}}}}};
  mix_["deliverables"][0]["file"] = "{version}.wav";
  folder_.sound("dialogue/en.wav", white_noise(1, 100, 1));
  clip()["file"] = "dialogue/{lang}.wav";
  expect_refused(kBadInput, "error: there is no file \"<folder>/dialogue/fr.wav\" (version \"fr\")\n" + at_clip("dialogue/{lang}.wav") + kNoHint);
  EXPECT_EQ(render({"--version", "en"}).status, 0) << "the other language renders";
}

TEST_F(BadInput, AClipPastItsSourcesEnd) {
  clip()["in"] = 90000;
  clip()["length"] = 6001;
  expect_refused(kBadInput, "error: clip reaches past its source's end: in 90000 + length 6001 = 96001 frames, but \"<folder>/voice.wav\" has 96000 frames at "
                             "48000 Hz\n" + at_clip("voice.wav") + "help: make the clip 6000 frames long or less, or start it earlier in the source\n");
}

TEST_F(BadInput, AFadeLongerThanItsClip) {
  clip()["in"] = "1s";  // the rest of the source: 48000 frames
  clip()["fade_in"] = {{"length", "600ms"}};
  clip()["fade_out"] = {{"length", "500ms"}};
  expect_refused(kBadInput, "error: fades are longer than their clip: fade_in 28800 + fade_out 24000 = 52800 frames, the clip has 48000\n" +
                                at_clip("voice.wav") + "help: shorten the fades, or lengthen the clip\n");
}

TEST_F(BadInput, AChannelThatTheSourceHasNot) {
  clip()["channels"] = {2};
  expect_refused(kBadInput, "error: \"<folder>/voice.wav\" has 1 channel, but the clip uses channel 2\n" + at_clip("voice.wav") +
                                "help: give \"channels\" (1 of them, each 1 to 1), or change the track's layout\n");
}

TEST_F(BadInput, AnImpulseResponseOfAnotherShape) {
  folder_.sound("room.wav", decaying_noise(2, 1000, 1));
  mix_["reverbs"] = {{{"name", "Room"}, {"ir", "room.wav"}, {"bus", "DX"}, {"layout", "5.1"}},
                     {{"name", "Plate"}, {"ir", "room.wav"}, {"bus", "DX"}, {"layout", "stereo"}, {"input", "stereo"}}};
  mix_["buses"][0]["layout"] = "5.1";
  expect_refused(kBadInput, R"(error: impulse response "<folder>/room.wav" has 2 channels, reverb "Room" needs 6
  --> <folder>/film.mix.json:16:10  at /reverbs/0/ir
   |
16 |    "ir": "room.wav",
   |          ^^^^^^^^^^
help: a mono-input reverb to 5.1 takes one IR channel for each of its 6 channels

error: impulse response "<folder>/room.wav" has 2 channels, reverb "Plate" needs 4
  --> <folder>/film.mix.json:22:10  at /reverbs/1/ir
   |
22 |    "ir": "room.wav",
   |          ^^^^^^^^^^
help: a stereo-input reverb takes 4 IR channels: L>L, L>R, R>L, R>R
)");
}

TEST_F(BadInput, AFileThatIsNoSound) {
  folder_.text("voice.wav", "these are words");
  expect_refused(kBadInput, "error: <folder>/voice.wav: cannot be read as sound (Format not recognised.); convert it to WAV, AIFF or FLAC\n" +
                                at_clip("voice.wav"));
}

TEST_F(BadInput, AnEmptyFile) {
  folder_.text("voice.wav", "");
  expect_refused(kBadInput, "error: <folder>/voice.wav: the file is empty\n" + at_clip("voice.wav"));
}

TEST_F(BadInput, ASourceWithoutSamples) {
  folder_.sound("voice.wav", Signal(1));
  expect_refused(kBadInput, "error: <folder>/voice.wav: it has no samples\n" + at_clip("voice.wav"));
}

TEST_F(BadInput, ASourceCutShort) {
  fs::resize_file(folder_ / "voice.wav", fs::file_size(folder_ / "voice.wav") / 2);
  expect_refused(kBadInput, "error: <folder>/voice.wav: the header promises 96000 frames (288000 bytes of data) but the file ends after 47992; the file is "
                             "truncated: copy it again\n" + at_clip("voice.wav"));
}

TEST_F(BadInput, ACodedSourceCutShort) {
  folder_.sound("voice.flac", white_noise(1, 2 * kRate, 1), kRate, SF_FORMAT_FLAC | SF_FORMAT_PCM_16);
  fs::resize_file(folder_ / "voice.flac", fs::file_size(folder_ / "voice.flac") / 2);
  clip()["file"] = "voice.flac";
  expect_refused(kBadInput, "error: <folder>/voice.flac: the header promises 96000 frames but the last cannot be read; the file is truncated: copy it again\n" +
                                at_clip("voice.flac"));
}

TEST_F(BadInput, ASampleThatIsNoNumber) {
  Signal samples = white_noise(2, 2 * kRate, 1);
  samples[1][54321] = std::numeric_limits<double>::quiet_NaN();
  folder_.sound("voice.wav", samples, kRate, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
  clip()["channels"] = {2};
  expect_refused(kBadInput, "error: <folder>/voice.wav: frame 54321, channel 2 is not a number; the file is damaged: export it again\n");
  clip()["channels"] = {1};
  EXPECT_EQ(render().status, 0) << "the channel beside it is sound";
}

TEST_F(BadInput, AnInfiniteSampleInAnImpulseResponse) {
  Signal ir = decaying_noise(2, 1000, 1);
  ir[0][3] = std::numeric_limits<double>::infinity();
  folder_.sound("room.wav", ir, kRate, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
  mix_["reverbs"] = {{{"name", "Room"}, {"ir", "room.wav"}, {"bus", "DX"}, {"layout", "stereo"}}};
  mix_["tracks"][0]["sends"] = {{{"to", "Room"}}};
  expect_refused(kBadInput, "error: <folder>/room.wav: frame 3, channel 1 is infinite; the file is damaged: export it again\n");
}

TEST_F(BadInput, ASourceThatChangesAfterItWasPlanned) {
  const PlannedMix planned = plan_mix(folder_.mix(mix_));
  patch("voice.wav", 1000, "changed");
  fs::last_write_time(folder_ / "voice.wav", fs::last_write_time(folder_ / "voice.wav") + std::chrono::seconds(1));
  const auto report = render_here(planned, folder_ / "store", folder_ / "out");
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, Errc::invalid_input);
  EXPECT_EQ(report.error().message,
            folder_ / "voice.wav: the file was changed after it was planned; start again once it is no longer written to");
  EXPECT_EQ(outputs(), std::vector<std::string>{});
  EXPECT_EQ(files_below(folder_ / "store/blobs"), std::vector<std::string>{});
}

TEST_F(BadInput, SeveralMistakesAreAllSaidAtOnceAndAsJson) {
  clip()["in"] = 96000;
  mix_["tracks"][0]["clips"].push_back({{"file", "none.wav"}, {"at", 0}});
  const CommandResult result = render({"--json"});
  EXPECT_EQ(result.status, kBadInput);
  EXPECT_THAT(result.err, HasSubstr("error: there is no file"));
  const Json errors = Json::parse(result.out);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0]["message"], "clip begins past its source's end: in 96000, but \"<folder>/voice.wav\" has 96000 frames at 48000 Hz");
  EXPECT_EQ(errors[0]["pointer"], "/tracks/0/clips/0/file");
  EXPECT_EQ(errors[1]["message"], "there is no file \"<folder>/none.wav\"");
  EXPECT_EQ(errors[1]["pointer"], "/tracks/0/clips/1/file");
}

// ---- the arguments

TEST_F(BadInput, AVersionThatNobodyKnows) {
  expect_refused(kBadInput, "error: no output matches --version \"fr*\" --deliverable \"*\"\nhelp: the mix has versions: main; deliverables: stereo\n",
                 {"--version", "fr*"});
}

// ---- the machine

TEST_F(BadInput, AnOutputFolderThatCannotBeMade) {
  folder_.text("file", "");
  const CommandResult result = replaced(dubfarm({"render", folder_.mix(mix_), "--out", folder_ / "file/out", "--store", folder_ / "store"}));
  EXPECT_EQ(result.status, kCannotRun);
  EXPECT_EQ(result.err, "error: <folder>/file/out: cannot make this folder: Not a directory\nhelp: name a folder that you may write with --out\n");
}

TEST_F(BadInput, AnOutputFolderThatMayNotBeWritten) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root, to become nobody";
  fs::permissions(folder_.path(), fs::perms::all);
  fs::create_directory(folder_ / "out");
  fs::permissions(folder_ / "out", fs::perms::owner_all | fs::perms::others_read | fs::perms::others_exec);
  const CommandResult result = render({}, {.file_bytes = {}, .as_nobody = true});
  EXPECT_EQ(result.status, kCannotRun);
  EXPECT_EQ(result.err, "error: <folder>/out: cannot write to this folder: Permission denied\nhelp: name a folder that you may write with --out\n");
  EXPECT_EQ(outputs(), std::vector<std::string>{});
}

TEST_F(BadInput, AStoreOfAnotherVersion) {
  folder_.text("store/format", "dubfarm blob store 2\n");
  expect_refused(kBadInput, "error: <folder>/store: this store was made by a newer dubfarm (format 2; dubfarm 0.1.0 knows format 1); use that one, or name "
                            "another folder with --store\n");
  EXPECT_EQ(file_text(folder_ / "store/format"), "dubfarm blob store 2\n");
}

TEST_F(BadInput, AFileSizeLimitBelowTheOutputKeepsWhatWasRendered) {
  mix_["deliverables"][0]["bits"] = "float";  // 3 s in stereo: 1152000 bytes and a header, as the blob
  mix_["buses"][0]["layout"] = "mono";        // the blob is half as large, and fits
  const CommandResult result = render({}, {.file_bytes = 1'000'000, .as_nobody = false});
  EXPECT_EQ(result.status, kCannotRun);
  EXPECT_EQ(result.err, "error: <folder>/out/Bad.wav.partial: cannot reserve 1153588 bytes: File too large; the file system or a limit (ulimit -f) allows "
                        "no larger file\n");
  EXPECT_EQ(outputs(), std::vector<std::string>{});
  const CommandResult again = render();
  EXPECT_EQ(again.status, 0);
  EXPECT_THAT(again.out, HasSubstr("\n1 chunks: 0 rendered, 1 reused;"));
}

/// A file system of a few megabytes, for tests of a full disk.
class TinyDisk {
 public:
  TinyDisk(std::string path, const char* options) : path_(std::move(path)) {
    fs::create_directories(path_);
    is_mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options) == 0;
  }
  ~TinyDisk() {
    if (is_mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;
  [[nodiscard]] bool is_mounted() const { return is_mounted_; }

 private:
  std::string path_;
  bool is_mounted_ = false;
};

TEST_F(BadInput, AFullDiskUnderTheOutputs) {
  const TinyDisk disk(folder_ / "out", "size=512k");
  if (!disk.is_mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  expect_refused(kCannotRun, "error: <folder>/out/Bad.wav.partial: cannot reserve 865574 bytes: No space left on device; free some space and start again\n");
}

TEST_F(BadInput, AFullDiskUnderTheStore) {
  const TinyDisk disk(folder_ / "store", "size=512k");
  if (!disk.is_mounted()) GTEST_SKIP() << "needs the right to mount a tmpfs";
  const CommandResult result = render({"--threads", "1"});
  EXPECT_EQ(result.status, kCannotRun);
  EXPECT_THAT(result.err, MatchesRegex("error: <folder>/store/tmp/[^/ ]+-[0-9]+-[0-9]+: cannot write: No space left on device; free some space and start again\n"
                                       "help: the disk of the store is full; --store names a folder on another one\n"));
  EXPECT_EQ(outputs(), std::vector<std::string>{});
  EXPECT_EQ(files_below(folder_ / "store/tmp"), std::vector<std::string>{});
}

// ---- not bad at all

TEST_F(BadInput, AMixWithoutTracksRendersSilence) {
  mix_["tracks"] = Json::array();
  const CommandResult result = render();
  ASSERT_EQ(result.status, 0) << result.err;
  const Sound sound = read_sound(folder_ / "out/Bad.wav");
  EXPECT_EQ(sound.frames(), 3 * kRate);
  EXPECT_LT(difference_db(sound.channels, Signal(2, std::vector<double>(3 * kRate))), -138 + 0.5) << "dither alone";
  const Json loudness = Json::parse(file_text(folder_ / "out/report.json"))["outputs"][0]["loudness"];
  EXPECT_EQ(loudness["integrated_lufs"], nullptr);
}

TEST_F(BadInput, TenThousandTracksAreFine) {
  const Json track = mix_["tracks"][0];
  for (int t = 1; t < 10000; ++t) {
    mix_["tracks"].push_back(track);
    mix_["tracks"].back()["name"] = "Voice " + std::to_string(t);
    mix_["tracks"].back()["gain_db"] = -60 - t % 20;
  }
  const CommandResult valid = dubfarm({"validate", folder_.mix(mix_)});
  EXPECT_EQ(valid.status, 0) << valid.err;
  EXPECT_EQ(render({"--dry-run"}).out, "Bad.wav\nwould print 1 of 1 outputs, reuse 0; would render 1 of 1 chunks (2.0 s of audio), reuse 0; nothing was written\n");
}

}  // namespace
}  // namespace dubfarm::cli
