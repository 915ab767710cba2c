// Leader and tail: silence and pops at their exact places around an unchanged programme, in every kind of file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sndfile.h>

#include <cmath>

#include "tests/support/reel.hpp"
#include "worker/sync_pop.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;

TEST(Leader, HoldsItsPopsAroundTheSameProgramme) {
  Reel reel;
  reel.document["length"] = "10s";
  Json plain = {{"name", "plain"}, {"layout", "5.1"}, {"file", "plain.wav"}, {"versions", {"en"}}, {"dither", "none"}};
  Json leader = plain, flac = plain;
  leader.update({{"name", "leader"}, {"file", "leader.wav"}, {"leader", {{"length", "8s"}}}, {"tail", {{"length", "3s"}, {"pop", "2s"}}}});
  flac.update({{"name", "flac"}, {"file", "{channel}.flac"}, {"split", "mono"}, {"bits", 16}, {"leader", {{"length", "3s"}, {"pop", "00:00:01:00"}}}});
  reel.document["deliverables"] = {plain, leader, flac};
  reel.write();
  const CommandResult result = reel.render("out", "store");
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  const Sound before = read_sound(reel.folder / "out/plain.wav"), with = read_sound(reel.folder / "out/leader.wav");
  constexpr std::size_t kRate = 48000, kStart = 8 * kRate, kEnd = 18 * kRate, kPop = 2000;  // 24 frames a second
  ASSERT_EQ(with.frames(), static_cast<Frames>(21 * kRate));
  for (std::size_t c = 0; c < 6; ++c) {
    const std::vector<double>& x = with.channels[c];
    EXPECT_TRUE(std::equal(before.channels[c].begin(), before.channels[c].end(), x.begin() + kStart)) << c;
    for (const std::size_t pop : {kStart - 2 * kRate, kEnd + 2 * kRate})
      for (std::size_t n = 0; n < kPop; ++n)
        ASSERT_NEAR(x[pop + n], 0.1 * std::sin(2 * M_PI * 1000 * static_cast<double>(n) / kRate), 0x1p-23) << c << " " << n;
    double rest = 0;
    for (std::size_t n = 0; n < x.size(); ++n)
      if (!(kStart - 2 * kRate <= n && n < kStart - 2 * kRate + kPop) && !(kStart <= n && n < kEnd) && !(kEnd + 2 * kRate <= n && n < kEnd + 2 * kRate + kPop))
        rest = std::max(rest, std::abs(x[n]));
    EXPECT_EQ(rest, 0) << c;
  }
  const Json report = reel.report("out");
  EXPECT_EQ(report["outputs"][1]["loudness"], report["outputs"][0]["loudness"]) << "leader and tail are no programme";
  const auto check = [&](int output, int index) {
    int found = 0;
    for (const Json& c : report["outputs"][static_cast<std::size_t>(output)]["checks"])
      if (c["id"] == "qc_pop" && found++ == index) return c["result"].get<std::string>() + ", " + c["required_text"].get<std::string>();
    return std::string("none");
  };
  EXPECT_EQ(check(0, 0), "none");
  EXPECT_EQ(check(1, 0), "pass, one frame of 1 kHz at 00:59:58:00");
  EXPECT_EQ(check(1, 1), "pass, one frame of 1 kHz at 01:00:12:00");
  EXPECT_EQ(check(2, 0), "pass, one frame of 1 kHz at 00:59:59:00");
  const std::string bytes = file_text(reel.folder / "out/leader.wav");
  EXPECT_THAT(bytes.substr(0, 4000), ::testing::HasSubstr("starts at 00:59:52:00"));
  SF_INFO info{};
  SNDFILE* file = sf_open((reel.folder / "out/leader.wav").c_str(), SFM_READ, &info);
  ASSERT_NE(file, nullptr);
  SF_BROADCAST_INFO bext{};
  ASSERT_EQ(sf_command(file, SFC_GET_BROADCAST_INFO, &bext, sizeof bext), SF_TRUE);
  sf_close(file);
  EXPECT_EQ(bext.time_reference_low, 3592u * kRate);
}

TEST(Leader, APopThatIsNotThereIsMissed) {
  const MixFolder folder;
  Signal tone(1, std::vector<double>(96000));
  for (std::size_t n = 0; n < 2000; ++n) tone[0][40000 + n] = worker::pop_sample(static_cast<Frames>(n), 48000);
  const worker::SyncPop pop{40000, 2000};
  const auto holds = [&] { return worker::has_pop(folder / folder.sound("a.wav", tone), pop, 0, 96000, mix::SampleType::int24); };
  EXPECT_TRUE(holds());
  tone[0][41000] += 0.001;
  EXPECT_FALSE(holds()) << "another tone";
  tone[0][41000] -= 0.001;
  tone[0][60000] = 0.01;
  EXPECT_FALSE(holds()) << "no silence around it";
  EXPECT_FALSE(worker::has_pop(folder / "nowhere.wav", pop, 0, 96000, mix::SampleType::int24));
}

}  // namespace
}  // namespace dubfarm::cli
