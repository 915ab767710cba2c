#include "worker/print_meters.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/loudness/loudness.hpp"
#include "tests/support/contract.hpp"

namespace dubfarm::worker {
namespace {

using namespace dubfarm::testing;

constexpr int kRate = 48000;

struct Programme {
  std::vector<std::vector<float>> audio, speech;  // with history
  Frames frames = 0;
};

Programme programme(double seconds) {
  Programme p;
  p.frames = static_cast<Frames>(seconds * kRate);
  const Frames history = kernels::history_frames(kRate);
  for (int c = 0; c < 3; ++c) {
    p.audio.push_back(noise(static_cast<std::size_t>(history + p.frames), static_cast<std::uint64_t>(c)));
    p.speech.push_back(c == 1 ? noise(static_cast<std::size_t>(history + p.frames), 9) : std::vector<float>(static_cast<std::size_t>(history + p.frames)));
    for (auto* channel : {&p.audio.back(), &p.speech.back()}) std::fill_n(channel->begin(), history, 0.0f);
  }
  return p;
}

PrintMeasurement measured_in_ranges(const Programme& p, Frames range) {
  const Frames history = kernels::history_frames(kRate);
  PrintMeasurement all = empty_measurement(3, p.frames, kRate, {true, true});
  std::vector<Frames> firsts;
  for (Frames first = 0; first < p.frames; first += range) firsts.push_back(first);
  for (auto at = firsts.rbegin(); at != firsts.rend(); ++at) {  // the last first: order does not matter
    const Frames first = *at;
    std::vector<const float*> audio, speech;
    for (std::size_t c = 0; c < 3; ++c) audio.push_back(p.audio[c].data() + history + first), speech.push_back(p.speech[c].data() + history + first);
    const Frames count = std::min(range, p.frames - first);
    RangeMeters(audio.data(), speech.data(), 3, count, kRate, first + count == p.frames, true).merge_into(all, first);
  }
  return all;
}

TEST(PrintMeters, GiveTheSameBitsForAnyRanges) {
  const Programme p = programme(29.77);
  const Frames group = kernels::group_frames(kRate);
  const PrintMeasurement whole = measured_in_ranges(p, 100 * group);
  for (const Frames groups : {1, 3, 7}) {
    const PrintMeasurement cut = measured_in_ranges(p, groups * group);
    EXPECT_EQ(whole.energy, cut.energy);
    EXPECT_EQ(whole.speech_energy, cut.speech_energy);
    EXPECT_EQ(whole.m_energy, cut.m_energy);
    EXPECT_EQ(whole.sums, cut.sums);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(whole.peaks[c].true_peak, cut.peaks[c].true_peak);
      EXPECT_EQ(whole.peaks[c].sample_peak, cut.peaks[c].sample_peak);
    }
  }
}

TEST(PrintMeters, MeasureSpeechWhereItSoundsAlone) {
  const PrintMeasurement m = measured_in_ranges(programme(4.5), 2 * kernels::group_frames(kRate));
  EXPECT_EQ(m.speech_energy[0], std::vector<double>(225, 0.0));
  for (const double energy : m.speech_energy[1]) EXPECT_GT(energy, 0);
}

TEST(PrintMeters, SumEverySample) {
  Programme p = programme(5);
  for (auto& v : p.audio[2]) v = 0.25f;
  const PrintMeasurement m = measured_in_ranges(p, 96000);
  EXPECT_EQ(m.sums[2], (std::vector<double>{24000, 24000, 12000}));
}

TEST(PrintMeters, LeaveOutWhatWasNotAsked) {
  const PrintMeasurement m = empty_measurement(2, 96000, kRate, {});
  EXPECT_TRUE(m.speech_energy.empty());
  EXPECT_TRUE(m.m_energy.empty());
}

}  // namespace
}  // namespace dubfarm::worker
