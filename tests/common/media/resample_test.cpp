// resample: pieces that join without a seam, at the right place and level.
#include "common/media/resample.hpp"

#include <soxr.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/support/contract.hpp"

namespace dubfarm::media {
namespace {

ReadFrames reader_of(const Planar& source) {
  return [&source](Frames first, Frames count, std::span<float* const> out) -> Result<void> {
    EXPECT_TRUE(first >= 0 && count > 0 && first + count <= static_cast<Frames>(source[0].size())) << first << "+" << count;
    for (std::size_t c = 0; c < source.size(); ++c) std::copy_n(source[c].begin() + first, count, out[c]);
    return {};
  };
}

Planar joined(const Planar& source, int from, int to) {
  const auto frames = static_cast<Frames>(source[0].size());
  Planar all(source.size());
  for (Frames piece = 0; piece < piece_count(frames, from, to); ++piece) {
    const auto part = convert_piece(reader_of(source), from, to, static_cast<int>(source.size()), frames, piece);
    if (!part) ADD_FAILURE() << part.error().message;
    if (!part) return all;
    for (std::size_t c = 0; c < all.size(); ++c) all[c].insert(all[c].end(), (*part)[c].begin(), (*part)[c].end());
  }
  return all;
}

/// soxr in one run, told of a second of silence first: its own first outputs are wrong where it has no history (0.1.3, up to -30 dBFS).
std::vector<float> in_one_run(const std::vector<float>& source, int from, int to) {
  std::vector<float> padded(static_cast<std::size_t>(from), 0.0F),
      out(static_cast<std::size_t>(to) + source.size() * static_cast<std::size_t>(to) / static_cast<std::size_t>(from) + 64);
  padded.insert(padded.end(), source.begin(), source.end());
  const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, SOXR_HI_PREC_CLOCK);
  soxr_error_t error = nullptr;
  soxr_t converter = soxr_create(from, to, 1, &error, &io, &quality, nullptr);
  std::size_t done = 0, fresh = 0;
  soxr_process(converter, padded.data(), padded.size(), nullptr, out.data(), out.size(), &done);
  do {
    soxr_process(converter, nullptr, 0, nullptr, out.data() + done, out.size() - done, &fresh);
    done += fresh;
  } while (fresh > 0);
  soxr_delete(converter);
  out.resize(done);
  out.erase(out.begin(), out.begin() + to);
  return out;
}

std::vector<float> sine(double hertz, int rate, Frames frames, double amplitude = 0.5) {
  std::vector<float> x(static_cast<std::size_t>(frames));
  for (std::size_t n = 0; n < x.size(); ++n)
    x[n] = static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * hertz * static_cast<double>(n) / rate));
  return x;
}

const std::pair<int, int> kRates[] = {{44100, 48000}, {48000, 44100}, {96000, 48000}, {192000, 48000}, {8000, 48000},
                                      {22050, 48000}, {47952, 48000}, {44101, 48000}, {88200, 48000},  {48000, 192000}};

TEST(Resample, LengthsRoundHalfUp) {
  EXPECT_EQ(converted_length(0, 44100, 48000), 0);
  EXPECT_EQ(converted_length(147, 44100, 48000), 160);
  EXPECT_EQ(converted_length(1, 96000, 48000), 1);  // 0.5
  EXPECT_EQ(converted_length(3, 96000, 48000), 2);  // 1.5
  EXPECT_EQ(converted_length(1, 192000, 48000), 0); // 0.25
  EXPECT_EQ(converted_length(1, 44100, 48000), 1);  // 1.09
  EXPECT_EQ(converted_length(Frames{1} << 60, 48000, 48000), Frames{1} << 60);
}

TEST(Resample, PiecesBeginWhereAnInputAndAnOutputSampleCoincide) {
  for (const auto& [from, to] : kRates) {
    const Frames length = piece_length(from, to);
    EXPECT_EQ(length * from % to, 0) << from << " " << to;
    EXPECT_NEAR(static_cast<double>(length), 1 << 16, 1 << 15) << from << " " << to;
    const Frames frames = length * from / to;
    EXPECT_EQ(piece_count(frames, from, to), 1);
    EXPECT_EQ(piece_count(frames + from / 100, from, to), 2);
  }
}

TEST(Resample, PiecesJoinToWhatOneRunGives) {
  for (const auto& [from, to] : kRates) {
    const Planar source = {testing::noise(static_cast<std::size_t>(piece_length(from, to) * 5 / 4 * from / to), 1)};
    const Planar pieces = joined(source, from, to);
    const std::vector<float> whole = in_one_run(source[0], from, to);
    ASSERT_EQ(static_cast<Frames>(pieces[0].size()), converted_length(static_cast<Frames>(source[0].size()), from, to));
    ASSERT_GE(whole.size() + 1, pieces[0].size());
    const std::size_t common = std::min(whole.size(), pieces[0].size());
    EXPECT_WITHIN_DB(std::span(pieces[0]).first(common), std::span(whole).first(common), -140.0) << from << " to " << to;
  }
}

TEST(Resample, ASineKeepsItsPhaseAndLevelAcrossTheSeams) {
  for (const auto& [from, to] : {std::pair{44100, 48000}, {96000, 48000}, {48000, 44100}}) {
    const Frames seam = piece_length(from, to);
    const Planar pieces = joined({sine(1000, from, 2 * seam * from / to)}, from, to);
    const std::vector<float> want = sine(1000, to, static_cast<Frames>(pieces[0].size()));
    double worst = 0;
    for (std::size_t n = 4000; n < want.size() - 4000; ++n) worst = std::max(worst, std::abs(static_cast<double>(pieces[0][n]) - want[n]));
    EXPECT_LE(worst, 0.5e-5) << from << " to " << to;  // 1e-5 of the level
    ASSERT_GT(static_cast<Frames>(want.size()), seam + 8000);
  }
}

TEST(Resample, AnImpulseStaysWhereItWas) {
  for (const auto& [from, to] : {std::pair{44100, 48000}, {96000, 48000}, {48000, 96000}}) {
    Planar source = {std::vector<float>(static_cast<std::size_t>(from), 0.0F)};
    const std::size_t at = static_cast<std::size_t>(from) / 4;  // a whole sample at either rate
    source[0][at] = 1;
    source[0][0] = 1;  // the very first frame too
    const Planar out = joined(source, from, to);
    const auto quarter = out[0].begin() + to / 4;
    EXPECT_EQ(std::max_element(out[0].begin() + 1000, out[0].end()), quarter);
    EXPECT_NEAR(*(quarter - 1), *(quarter + 1), 1e-6);  // linear phase
    EXPECT_NEAR(out[0][0], *quarter, 1e-6);
  }
}

TEST(Resample, ChannelsKeepApartAndRepeatBitForBit) {
  const Planar source = {testing::noise(50000, 1), testing::noise(50000, 2), std::vector<float>(50000, 0.0F)};
  const Planar once = joined(source, 44100, 48000), again = joined(source, 44100, 48000);
  for (std::size_t c = 0; c < source.size(); ++c) {
    EXPECT_SAME_BITS(std::span<const float>(once[c]), std::span<const float>(again[c]));
    EXPECT_SAME_BITS(std::span<const float>(once[c]), std::span<const float>(joined({source[c]}, 44100, 48000)[0]));
  }
  EXPECT_TRUE(std::all_of(once[2].begin(), once[2].end(), [](float x) { return x == 0.0F; }));
}

TEST(Resample, AOneFrameSourceConverts) {
  const Planar out = joined({{0.5F}}, 44100, 48000);
  ASSERT_EQ(out[0].size(), 1U);
  EXPECT_GT(out[0][0], 0.4F);
}

TEST(Resample, PassesOnWhatTheReaderSays) {
  const ReadFrames broken = [](Frames, Frames, std::span<float* const>) -> Result<void> { return fail(Errc::io_error, "dx.wav: gone"); };
  EXPECT_EQ(convert_piece(broken, 44100, 48000, 1, 1000, 0).error().message, "dx.wav: gone");
  EXPECT_EQ(convert_piece(broken, 0, 48000, 1, 1000, 0).error().code, Errc::invalid_input);
}

TEST(Resample, AnImpulseResponseKeepsItsFrequencyResponse) {
  Planar ir = {testing::noise(9600, 3)};
  for (std::size_t n = 0; n < ir[0].size(); ++n)
    ir[0][n] *= static_cast<float>(std::exp(-static_cast<double>(n) / 1500) * (n < 100 ? static_cast<double>(n) / 100 : 1));
  const auto response = [](const std::vector<float>& h, double hertz, int rate) {
    double re = 0, im = 0;
    for (std::size_t n = 0; n < h.size(); ++n) {
      re += h[n] * std::cos(2 * std::numbers::pi * hertz * static_cast<double>(n) / rate);
      im += h[n] * std::sin(2 * std::numbers::pi * hertz * static_cast<double>(n) / rate);
    }
    return 20 * std::log10(std::hypot(re, im));
  };
  const auto converted = convert_impulse_response(ir, 96000, 48000);
  ASSERT_TRUE(converted.ok());
  ASSERT_EQ((*converted)[0].size(), 4800U);
  for (const double hertz : {100.0, 1000.0, 5000.0, 15000.0})
    EXPECT_NEAR(response((*converted)[0], hertz, 48000), response(ir[0], hertz, 96000), 0.02) << hertz;
  const auto same = convert_impulse_response(ir, 48000, 48000);
  EXPECT_SAME_BITS(std::span<const float>((*same)[0]), std::span<const float>(ir[0]));
}

}  // namespace
}  // namespace dubfarm::media
