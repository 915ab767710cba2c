// The contract suite of the CUDA backend, operations of a chunk: every kernel, emulated and on a GPU where there is one, against the CPU
// backend, which the tests beside each operation hold against a double reference. Equal bytes; only convolution has an FFT and a budget.
#include <cmath>
#include <memory>

#include "kernels/automation/automation.hpp"
#include "kernels/automation/automation_tables.hpp"
#include "kernels/clip/clip.hpp"
#include "kernels/convolve/convolve.hpp"
#include "kernels/decode/decode.hpp"
#include "kernels/eq/eq.hpp"
#include "kernels/eq/eq_tables.hpp"
#include "kernels/mix/mix.hpp"
#include "kernels/pan/pan.hpp"
#include "kernels/pan/pan_tables.hpp"
#include "tests/support/cuda_backend.hpp"

namespace dubfarm::kernels {
namespace {

using media::SampleFormat;
using mix::Automation;
using mix::FilterType;
using testing::CudaBackend;
using testing::OnDevice;
using testing::same_bytes;

constexpr double kRate = 48000;
constexpr Frames kSizes[] = {1, 31, 32, 33, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 4099};

std::size_t to_size(Frames n) { return static_cast<std::size_t>(n); }

/// Noise with what breaks things: silence, signed zeros, denormals, full scale.
std::vector<float> signal(Frames n, std::uint64_t salt) {
  std::vector<float> x = testing::noise(to_size(n), salt);
  for (std::size_t i = 0; i < x.size(); i += 7) x[i] = i % 3 == 0 ? -0.0f : i % 3 == 1 ? 1e-41f : -1.0f;
  return x;
}

/// Any bytes at all: float formats get their NaN, infinities and denormals from them.
std::vector<std::byte> bytes(std::size_t count, std::uint64_t salt) {
  std::mt19937_64 random(testing::test_seed() + salt);
  std::vector<std::byte> out(count);
  for (std::byte& b : out) b = static_cast<std::byte>(random());
  return out;
}

TEST(CudaDecode, GivesTheBitsOfTheCpuInEveryFormatAtOnce) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    struct Case {
      SampleFormat format;
      int channels;
      OnDevice<std::byte> raw;
      OnDevice<float> out;
      std::vector<float> want;
      Frames bad;
    };
    std::vector<Case> cases;
    for (const SampleFormat format : media::kSampleFormats)
      for (const Frames count : kSizes) {
        const int channels = 1 + static_cast<int>(cases.size()) % 7;
        std::vector<std::byte> raw = bytes(to_size(count * channels * media::bytes_per_sample(format)), cases.size());
        if (media::is_float(format) && cases.size() % 2 == 0)  // half of them without a value that is not finite
          for (std::byte& b : raw) b &= std::byte{0x3F};
        std::vector<float> want(to_size(count));
        const FlushDenormals flush;
        const Frames bad = decode(raw.data(), format, channels, channels - 1, count, want.data());
        cases.push_back({format, channels, OnDevice<std::byte>(*backend, raw), OnDevice<float>(*backend, want.size()), want, bad});
      }
    std::vector<cuda::DecodeRun> runs;
    OnDevice<std::int64_t> bad(*backend, std::vector<std::int64_t>(cases.size(), cuda::kNoneBad));
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const int size = media::bytes_per_sample(cases[i].format);
      runs.push_back({cases[i].raw.data() + (cases[i].channels - 1) * size, cases[i].channels * size, cases[i].format,
                      static_cast<Frames>(cases[i].want.size()), cases[i].out.data(), bad.data() + i});
    }
    OnDevice<cuda::DecodeRun> table(*backend, runs);
    backend->operations().decode({table.data(), static_cast<int>(runs.size()), 4099}, backend->stream());
    backend->operations().decode({nullptr, 0, 0}, backend->stream());
    const auto found = bad.download();
    for (std::size_t i = 0; i < cases.size(); ++i) {
      EXPECT_TRUE(same_bytes(cases[i].out.download(), cases[i].want)) << name_of(cases[i].format) << ", " << cases[i].want.size() << " frames";
      EXPECT_EQ(found[i], cases[i].bad < 0 ? cuda::kNoneBad : cases[i].bad) << name_of(cases[i].format) << ", " << cases[i].want.size() << " frames";
    }
    testing::ran("decode", backend->name());
  }
}

TEST(CudaClips, GiveTheBitsOfTheCpuWhereClipsOverlapAndFade) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    constexpr int kChannels = 3, kClips = 9;
    constexpr Frames kLength = 6000;
    std::vector<std::vector<float>> samples;
    std::vector<OnDevice<std::byte>> sources;
    std::vector<cuda::Clip> clips(kClips);
    std::vector<ClipShape> shapes(kClips);
    OnDevice<std::int64_t> bad(*backend, std::vector<std::int64_t>(kClips, cuda::kNoneBad));
    const auto fade = [](const FadeShape& f) { return cuda::ClipFade{f.length, f.phase, static_cast<int>(f.curve)}; };
    for (int c = 0; c < kClips; ++c) {
      const SampleFormat format = c % 3 == 0 ? SampleFormat::s24le : c % 3 == 1 ? SampleFormat::s16be : SampleFormat::f32le;
      std::vector<std::byte> raw = bytes(to_size(kLength * kChannels * media::bytes_per_sample(format)), static_cast<std::uint64_t>(c));
      if (format == SampleFormat::f32le) {
        const std::vector<float> x = signal(kLength * kChannels, static_cast<std::uint64_t>(c));
        std::memcpy(raw.data(), x.data(), raw.size());
      }
      samples.emplace_back(to_size(kLength));
      decode(raw.data(), format, kChannels, c % kChannels, kLength, samples.back().data());
      sources.emplace_back(*backend, raw);
      const auto curve = static_cast<mix::FadeCurve>(c % 3);
      ClipShape& shape = shapes[static_cast<std::size_t>(c)];
      shape.gain = c == 0 ? 1.0 : 0.3 + 0.21 * c;
      if (c % 2 == 1) shape.fade_in = {700, 100, curve};
      if (c % 4 >= 2) shape.fade_out = {900, 3000, curve};
      if (c == 5) shape.join_in = {333, 17, mix::FadeCurve::cosine};
      if (c == 6) shape.join_out = {100, 2222, mix::FadeCurve::equal_power};
      const int size = media::bytes_per_sample(format);
      clips[static_cast<std::size_t>(c)] = {sources.back().data() + (c % kChannels) * size + 1000 * kChannels * size, kChannels * size, format, 1000, shape.gain,
                                           fade(shape.fade_in), fade(shape.fade_out), fade(shape.join_in), fade(shape.join_out), bad.data() + c};
    }
    OnDevice<cuda::Clip> clip_table(*backend, clips);
    std::vector<cuda::ClipRef> refs;
    std::vector<cuda::ClipPiece> pieces;
    std::vector<OnDevice<float>> outs;
    std::vector<std::vector<float>> wants;
    for (const Frames n : kSizes)
      for (const int heard : {0, 1, 2, kClips}) {
        outs.emplace_back(*backend, to_size(n));
        pieces.push_back({outs.back().data(), n, static_cast<int>(refs.size()), heard});
        std::vector<float> want(to_size(n), 0.0f);
        for (int r = 0; r < heard; ++r) {
          const int clip = (static_cast<int>(pieces.size()) + r) % kClips;
          const Frames from = 1000 + 50 * r;
          refs.push_back({clip, from});
          const FlushDenormals flush;
          add_clip(shapes[static_cast<std::size_t>(clip)], from, n, samples[static_cast<std::size_t>(clip)].data() + from, want.data());
        }
        wants.push_back(want);
      }
    OnDevice<cuda::ClipRef> ref_table(*backend, refs);
    OnDevice<cuda::ClipPiece> piece_table(*backend, pieces);
    backend->operations().clips({clip_table.data(), ref_table.data(), piece_table.data(), static_cast<int>(pieces.size()), 4099}, backend->stream());
    for (std::size_t i = 0; i < outs.size(); ++i)
      EXPECT_TRUE(same_bytes(outs[i].download(), wants[i])) << wants[i].size() << " frames, " << pieces[i].refs << " clips; seed " << testing::test_seed();
    for (const std::int64_t frame : bad.download()) EXPECT_EQ(frame, cuda::kNoneBad);
    testing::ran("clip", backend->name());
  }
}

TEST(CudaClips, NameTheFirstFrameThatIsNotANumber) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    std::vector<float> x(3000, 0.5f);
    x[2111] = x[2500] = std::numeric_limits<float>::infinity();
    OnDevice<float> raw(*backend, x);
    OnDevice<float> out(*backend, 2900);
    OnDevice<std::int64_t> bad(*backend, std::vector<std::int64_t>{cuda::kNoneBad});
    cuda::Clip clip;
    clip.samples = reinterpret_cast<const std::byte*>(raw.data()), clip.stride = 4, clip.format = SampleFormat::f32le, clip.first_bad = bad.data();
    OnDevice<cuda::Clip> clips(*backend, std::vector<cuda::Clip>{clip});
    OnDevice<cuda::ClipRef> refs(*backend, std::vector<cuda::ClipRef>{{0, 100}});
    OnDevice<cuda::ClipPiece> pieces(*backend, std::vector<cuda::ClipPiece>{{out.data(), 2900, 0, 1}});
    backend->operations().clips({clips.data(), refs.data(), pieces.data(), 1, 2900}, backend->stream());
    EXPECT_EQ(bad.download()[0], 2111);
  }
}

Automation moving(std::vector<mix::AutomationPoint> points) {
  Automation a;
  a.points = std::move(points);
  return a;
}
/// Points, and another piece from frame 1500 on, as a recut leaves it.
Automation recut(double low, double high) {
  Automation a = moving({{-300, low}, {100, high}, {101, low}, {4000, high}});
  a.later.push_back({1500, 0, {{1000, high}, {2000, low}, {2100, high}}});
  a.later.push_back({3000, (low + high) / 2, {}});
  return a;
}

TEST(CudaCurves, GiveTheGainsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends())
    for (const Frames first : {Frames{-500}, Frames{0}, Frames{1499}})
      for (const Frames n : kSizes) {
        const Automation db[] = {recut(-144, 12), recut(-60, -3), moving({{10, -150}, {2000, 6}}), moving({{-99, -6}, {9000, 0}})};
        std::vector<OnDevice<cuda::Line>> lines;
        std::vector<OnDevice<double>> out;
        std::vector<cuda::GainRow> rows;
        for (const Automation& a : db) {
          lines.emplace_back(*backend, lines_of(a, first, first + n));
          out.emplace_back(*backend, to_size(n));
          rows.push_back({lines.back().data(), static_cast<int>(lines.back().size()), -1.5, out.back().data()});
        }
        OnDevice<cuda::GainRow> table(*backend, rows);
        backend->operations().gain_rows({table.data(), static_cast<int>(rows.size()), first, n}, backend->stream());
        std::vector<std::vector<double>> want(std::size(db), std::vector<double>(to_size(n)));
        for (std::size_t i = 0; i < std::size(db); ++i) {
          GainCurve(db[i], -1.5).evaluate(first, n, want[i].data());
          EXPECT_TRUE(same_bytes(out[i].download(), want[i])) << "automation " << i << ", frames " << first << " + " << n;
        }
        OnDevice<cuda::Product> product(*backend, std::vector<cuda::Product>{{out[0].data(), out[1].data()}});
        backend->operations().multiply_rows({product.data(), 1, n}, backend->stream());
        multiply(want[0].data(), want[1].data(), n);
        EXPECT_TRUE(same_bytes(out[0].download(), want[0]));
        testing::ran("gain curve", backend->name());
      }
}

TEST(CudaPan, GivesTheGainsOfTheCpuOnEveryLayout) {
  for (CudaBackend* backend : testing::cuda_backends())
    for (const Layout bus : {Layout::stereo, Layout::surround_51, Layout::surround_71, Layout::immersive_714})
      for (const Frames n : {1, 255, 256, 257, 4099})
        for (const Automation& azimuth : {recut(-400, 270), moving({{0, 180}, {4000, -180}}), moving({{0, 30}, {100, 30}, {1000, 110}})}) {
          const PanCurve curve(bus, azimuth);
          std::vector<std::vector<double>> want(to_size(channel_count(bus)), std::vector<double>(to_size(n), 0.0));
          std::vector<double*> rows;
          for (const int c : curve.channels()) rows.push_back(want[static_cast<std::size_t>(c)].data());
          curve.evaluate(-20, n, rows.data());
          std::vector<OnDevice<double>> out;
          std::vector<double*> gains(to_size(channel_count(bus)), nullptr);
          for (const int c : curve.channels()) {
            out.emplace_back(*backend, to_size(n));
            gains[static_cast<std::size_t>(c)] = out.back().data();
          }
          OnDevice<cuda::Line> lines(*backend, lines_of(azimuth, -20, n - 20));
          cuda::PanRow row = pan_row(bus, gains.data());
          row.lines = lines.data(), row.line_count = static_cast<int>(lines.size());
          OnDevice<cuda::PanRow> table(*backend, std::vector<cuda::PanRow>{row});
          backend->operations().pan_rows({table.data(), 1, -20, n}, backend->stream());
          for (std::size_t j = 0; j < out.size(); ++j)
            EXPECT_TRUE(same_bytes(out[j].download(), want[static_cast<std::size_t>(curve.channels()[j])])) << name_of(bus) << ", " << n << " frames";
          testing::ran("pan curve", backend->name());
        }
}

struct Band { FilterType type; double freq, q, gain; };
constexpr Band kBands[] = {{FilterType::highpass, 80, 0.7071, 0}, {FilterType::peak, 3000, 1.2, 2.5}, {FilterType::lowshelf, 200, 0.7, -3},
                           {FilterType::highshelf, 12000, 0.7, 4}, {FilterType::lowpass, 12000, 0.5, 0}, {FilterType::notch, 50, 30, 0},
                           {FilterType::peak, 30, 10, 12}, {FilterType::bandpass, 1000, 2, 0}, {FilterType::allpass, 5000, 0.5, 0}};

/// Every lane with its own bands and signal; before `silent_until`, which each lane has a little later than the one before, and from
/// `silent_from` on there are zeros of either sign.
void compare_eq(CudaBackend& backend, int lanes, Frames n, Frames silent_from, Frames silent_until = 0) {
  std::vector<OnDevice<float>> x;
  std::vector<OnDevice<double>> steps, states;
  std::vector<cuda::EqLane> table;
  std::vector<std::vector<float>> want;
  for (int l = 0; l < lanes; ++l) {
    const int bands = (l * 3) % 10;
    want.push_back(signal(n, static_cast<std::uint64_t>(l)));
    for (Frames i = 0; i < n; ++i)
      if (i >= silent_from || (silent_until > 0 && i < silent_until + 3 * l)) want.back()[to_size(i)] = (i + l) % 5 == 0 ? -0.0f : 0.0f;
    x.emplace_back(backend, want.back());
    std::vector<double> values;
    EqBank bank(1, bands);
    for (int b = 0; b < bands; ++b) {
      const Band& band = kBands[(l + b) % 9];
      const SvfStep s = step_from(design_svf(band.type, band.freq, band.q, band.gain, kRate));
      bank.set(0, b, s);
      values.insert(values.end(), {s.a11, s.a12, s.b1, s.a21, s.a22, s.b2, s.c1, s.c2, s.d});
    }
    steps.emplace_back(backend, values);
    states.emplace_back(backend, std::vector<double>(static_cast<std::size_t>(2 * bands), 0.0));
    table.push_back({x.back().data(), steps.back().data(), states.back().data(), bands});
    float* const row = want.back().data();
    const FlushDenormals flush;
    bank.process(&row, n);
  }
  OnDevice<cuda::EqLane> on_device(backend, table);
  const Frames half = n / 2;  // in two calls: states run on
  backend.operations().eq({on_device.data(), lanes, half}, backend.stream());
  for (auto& lane : table) lane.x += half;
  OnDevice<cuda::EqLane> rest(backend, table);
  backend.operations().eq({rest.data(), lanes, n - half}, backend.stream());
  for (std::size_t l = 0; l < want.size(); ++l) {
    EXPECT_TRUE(same_bytes(x[l].download(), want[l])) << "lane " << l << " of " << lanes << ", " << n << " frames; seed " << testing::test_seed();
    states[l].download();
  }
}

TEST(CudaEq, GivesTheBitsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    for (const Frames n : kSizes) compare_eq(*backend, 9, n, n);
    for (const int lanes : {1, 31, 32, 33, 65}) compare_eq(*backend, lanes, 130, 130);
    testing::ran("eq static", backend->name());
  }
}

TEST(CudaEq, EndsTailsWhereTheCpuDoes) {
  for (CudaBackend* backend : testing::cuda_backends()) compare_eq(*backend, 9, 30000, 500);  // long enough for most to die out altogether
}

TEST(CudaEq, WakesFromDigitalSilenceAsTheCpuDoes) {
  for (CudaBackend* backend : testing::cuda_backends())
    for (const Frames silent_until : {1, 16, 33, 500}) compare_eq(*backend, 9, 1025, 900, silent_until);
}

TEST(CudaEq, NullLanesRunOnInSilence) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    OnDevice<double> steps(*backend, std::vector<double>{0.5, 0, 1, 0, 0.5, 1, 1, 1, 1});
    OnDevice<double> states(*backend, std::vector<double>{1, 0});
    OnDevice<cuda::EqLane> lanes(*backend, std::vector<cuda::EqLane>{{nullptr, steps.data(), states.data(), 1}});
    backend->operations().eq({lanes.data(), 1, 3}, backend->stream());
    EXPECT_EQ(states.download()[0], 0.125);
  }
}

TEST(CudaEqChain, GivesTheBitsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    for (const int channels : {1, 2, 6, 16})
      for (const Frames n : {Frames{1}, Frames{63}, Frames{64}, Frames{65}, Frames{1025}, Frames{5000}}) {
        const Frames first = -70;
        struct Moving { FilterType type; Automation freq, q, gain; };
        const std::vector<Moving> bands = {{FilterType::peak, recut(60, 8000), recut(0.5, 8), recut(-12, 12)},
                                           {FilterType::highpass, {80, {}, {}}, {0.7, {}, {}}, {0, {}, {}}},
                                           {FilterType::lowpass, moving({{0, 200}, {1000, 20000}}), {0.7, {}, {}}, {0, {}, {}}},
                                           {FilterType::highshelf, {9000, {}, {}}, {0.7, {}, {}}, {0, {}, {}}},
                                           {FilterType::highshelf, {9000, {}, {}}, {0.7, {}, {}}, moving({{0, 0}, {100, 9}, {200, 0}})}};
        EqChain chain(channels, kRate);
        std::vector<OnDevice<double>> steps, states;
        std::vector<OnDevice<cuda::EqRamp>> ramps;
        std::vector<cuda::EqStage> stages;
        for (const Moving& band : bands) {
          chain.add(band.type, band.freq, band.q, band.gain);
          for (const eq::StageTable& stage : eq::stage_tables(band.type, band.freq, band.q, band.gain, kRate, first, first + n)) {
            const SvfStep& s = stage.step;
            states.emplace_back(*backend, std::vector<double>(static_cast<std::size_t>(2 * channels), 0.0));
            steps.emplace_back(*backend, std::vector<double>{s.a11, s.a12, s.b1, s.a21, s.a22, s.b2, s.c1, s.c2, s.d});
            ramps.emplace_back(*backend, stage.ramps);
            const bool is_static = stage.ramps.empty();
            stages.push_back({is_static ? steps.back().data() : nullptr, is_static ? nullptr : ramps.back().data(), static_cast<int>(stage.ramps.size()),
                              states.back().data()});
          }
        }
        EXPECT_EQ(stages.size(), 4u);  // one passes audio unchanged
        OnDevice<cuda::EqStage> stage_table(*backend, stages);
        cuda::EqChainRun run;
        run.channels = channels, run.stages = stage_table.data(), run.stage_count = static_cast<int>(stages.size()), run.first = first, run.n = n;
        std::vector<std::vector<float>> want;
        std::vector<OnDevice<float>> x;
        std::vector<float*> rows;
        for (int c = 0; c < channels; ++c) {
          want.push_back(signal(n, static_cast<std::uint64_t>(c)));
          std::fill(want.back().begin() + std::min<Frames>(n, 2000), want.back().end(), 0.0f);
          x.emplace_back(*backend, want.back());
          run.x[c] = x.back().data();
        }
        for (auto& row : want) rows.push_back(row.data());
        {
          const FlushDenormals flush;
          chain.process(rows.data(), first, n);
        }
        OnDevice<cuda::EqChainRun> table(*backend, std::vector<cuda::EqChainRun>{run});
        backend->operations().eq_chains({table.data(), 1}, backend->stream());
        for (std::size_t c = 0; c < want.size(); ++c)
          EXPECT_TRUE(same_bytes(x[c].download(), want[c])) << "channel " << c << " of " << channels << ", " << n << " frames; seed " << testing::test_seed();
        for (auto& state : states) state.download();
      }
    testing::ran("eq automated", backend->name());
    testing::ran("eq chain", backend->name());
  }
}

TEST(CudaMix, GivesTheBitsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends())
    for (const Frames n : kSizes)
      for (const int outs : {1, 2, 3, 6, 12}) {
        constexpr int kLanes = 11;
        std::vector<std::vector<float>> x;
        std::vector<OnDevice<float>> on_device;
        std::vector<double> gain(to_size(n));
        for (std::size_t i = 0; i < gain.size(); ++i) gain[i] = 0.01 * static_cast<double>(i % 150);
        OnDevice<double> curve(*backend, gain);
        std::vector<cuda::MixLane> lanes;
        std::vector<double> coefs;
        for (int l = 0; l < kLanes; ++l) {
          x.push_back(signal(n, static_cast<std::uint64_t>(100 + l)));
          on_device.emplace_back(*backend, x.back());
          lanes.push_back({on_device.back().data(), l % 3 == 2 ? curve.data() : nullptr, 0, l == 4 ? n / 2 : n});
          for (int o = 0; o < outs; ++o) coefs.push_back((l + o) % 4 == 3 ? 0.0 : 0.1 * (l + 1) - 0.07 * o);
        }
        std::vector<std::vector<double>> sums(static_cast<std::size_t>(outs), std::vector<double>(to_size(n), 0.25));
        std::vector<OnDevice<double>> device_sums;
        std::vector<OnDevice<float>> device_out;
        std::vector<double*> sum_rows;
        std::vector<float*> out_rows;
        for (auto& sum : sums) {
          device_sums.emplace_back(*backend, sum), device_out.emplace_back(*backend, to_size(n));
          sum_rows.push_back(device_sums.back().data()), out_rows.push_back(device_out.back().data());
        }
        OnDevice<double> coef_table(*backend, coefs);
        OnDevice<cuda::MixLane> lane_table(*backend, lanes);
        OnDevice<double*> sum_table(*backend, sum_rows);
        OnDevice<float*> out_table(*backend, out_rows);
        // Six lanes into sums that hold something, the rest on top and into float32.
        backend->operations().mix({lane_table.data(), 6, coef_table.data(), outs, n, sum_table.data(), true, nullptr}, backend->stream());
        backend->operations().mix({lane_table.data() + 6, kLanes - 6, coef_table.data() + 6 * outs, outs, n, sum_table.data(), true, out_table.data()},
                                  backend->stream());
        const FlushDenormals flush;
        for (int o = 0; o < outs; ++o) {
          std::vector<float> want(to_size(n));
          for (int l = 0; l < kLanes; ++l) {
            const double coef = coefs[static_cast<std::size_t>(l * outs + o)];
            double* const acc = sums[static_cast<std::size_t>(o)].data();
            if (l % 3 == 2) mix_add_curve(x[static_cast<std::size_t>(l)].data(), gain.data(), coef, n, acc);
            else mix_add_scaled(x[static_cast<std::size_t>(l)].data(), coef, l == 4 ? n / 2 : n, acc);
            if (l == 5) { EXPECT_TRUE(same_bytes(device_sums[static_cast<std::size_t>(o)].download(), sums[static_cast<std::size_t>(o)])); }
          }
          store(sums[static_cast<std::size_t>(o)].data(), n, want.data());
          EXPECT_TRUE(same_bytes(device_out[static_cast<std::size_t>(o)].download(), want)) << "output " << o << " of " << outs << ", " << n << " frames";
        }
        testing::ran("mix add", backend->name());
        testing::ran("mix store", backend->name());
      }
}

TEST(CudaGains, GiveTheBitsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends())
    for (const Frames n : kSizes) {
      const std::vector<float> x = signal(n, 5);
      std::vector<double> gain(to_size(n));
      for (std::size_t i = 0; i < gain.size(); ++i) gain[i] = 1e-3 * static_cast<double>(i);
      OnDevice<double> curve(*backend, gain);
      OnDevice<float> constant(*backend, x), moved(*backend, x), one(*backend, x), stored(*backend, to_size(n));
      OnDevice<cuda::GainedRow> rows(*backend, std::vector<cuda::GainedRow>{{constant.data(), 0.3, nullptr}, {moved.data(), 1, curve.data()}, {one.data(), 1, nullptr}});
      backend->operations().apply_gains({rows.data(), 3, n}, backend->stream());
      std::vector<double> sum = gain;
      for (std::size_t i = 0; i < sum.size(); i += 5) sum[i] = i % 2 == 0 ? -1e-40 : 0x1p-126 - 0x1p-152;  // denormal as floats, or almost
      OnDevice<double> sums(*backend, sum);
      OnDevice<cuda::StoredRow> stored_rows(*backend, std::vector<cuda::StoredRow>{{sums.data(), stored.data()}});
      backend->operations().store_rows({stored_rows.data(), 1, n}, backend->stream());
      std::vector<float> a = x, b = x, c(to_size(n));
      const FlushDenormals flush;
      store(sum.data(), n, c.data());
      apply_gain(a.data(), 0.3, n);
      apply_gain(b.data(), gain.data(), n);
      EXPECT_TRUE(same_bytes(constant.download(), a));
      EXPECT_TRUE(same_bytes(moved.download(), b));
      EXPECT_TRUE(same_bytes(one.download(), x));
      EXPECT_TRUE(same_bytes(stored.download(), c));
      testing::ran("mix scale, store", backend->name());
    }
}

/// Two inputs into three outputs on the device, the way a chunk is convolved.
void compare_convolution(CudaBackend& backend, Frames taps, Frames lead, Frames count, bool in_double) {
  constexpr int kInputs = 2, kOutputs = 3;
  const cuda::Operations& on = backend.operations();
  std::vector<std::vector<float>> in, ir;
  std::vector<const float*> in_rows, ir_rows;
  for (int i = 0; i < kInputs; ++i) in.push_back(testing::noise(to_size(lead + count), static_cast<std::uint64_t>(i)));
  for (int p = 0; p < kInputs * kOutputs; ++p) {
    ir.push_back(testing::noise(to_size(taps), static_cast<std::uint64_t>(50 + p), 1.0f));
    for (float& tap : ir.back()) tap *= 0.7f / std::sqrt(static_cast<float>(taps));
  }
  for (auto& row : in) in_rows.push_back(row.data());
  for (auto& row : ir) ir_rows.push_back(row.data());
  ir_rows[4] = nullptr;  // input 1 -> output 1: no path

  const Frames size = on.fft->size_at_least(cuda::convolution_frames(taps, lead, count));
  const std::size_t real_bytes = in_double ? 8 : 4, signal_bytes = to_size(size) * real_bytes, spectrum_bytes = (to_size(size) + 2) * real_bytes;
  const auto rows_of = [&](const std::vector<std::vector<float>>& from, Frames frames, double scale) {
    std::vector<OnDevice<float>> sources;
    OnDevice<std::byte> placed(backend, from.size() * signal_bytes);
    OnDevice<std::byte> spectra(backend, from.size() * spectrum_bytes);
    std::vector<cuda::Placed> rows;
    for (std::size_t r = 0; r < from.size(); ++r) {
      sources.emplace_back(backend, from[r]);
      rows.push_back({sources.back().data(), frames, placed.data() + r * signal_bytes});
    }
    OnDevice<cuda::Placed> table(backend, rows);
    on.place({table.data(), static_cast<int>(rows.size()), size, scale, in_double}, backend.stream());
    std::size_t work_bytes = 0;
    void* const plan = on.fft->create(size, static_cast<int>(from.size()), in_double, &work_bytes);
    OnDevice<std::byte> work(backend, work_bytes);
    EXPECT_TRUE(on.fft->use_work(plan, work.data()));
    EXPECT_TRUE(on.fft->forward(plan, placed.data(), spectra.data(), backend.stream()));
    placed.download(), work.download();
    on.fft->destroy(plan);
    return spectra;
  };
  OnDevice<std::byte> inputs = rows_of(in, lead + count, 1.0), responses = rows_of(ir, taps, 1.0 / static_cast<double>(size));
  OnDevice<std::byte> products(backend, kOutputs * spectrum_bytes), wet(backend, kOutputs * signal_bytes);
  std::vector<const void*> factors;
  std::vector<std::size_t> first;
  std::vector<int> paths;
  for (std::size_t part = 0; part < 2; ++part)  // inputs, then responses
    for (int c = 0; c < kOutputs; ++c) {
      first.push_back(factors.size());
      for (int i = 0; i < kInputs; ++i)
        if (ir_rows[static_cast<std::size_t>(i * kOutputs + c)] != nullptr)
          factors.push_back(part == 0 ? inputs.data() + static_cast<std::size_t>(i) * spectrum_bytes
                                      : responses.data() + static_cast<std::size_t>(i * kOutputs + c) * spectrum_bytes);
      paths.push_back(static_cast<int>(factors.size() - first.back()));
    }
  OnDevice<const void*> factor_table(backend, factors);
  std::vector<cuda::SpectralSum> sums;
  std::vector<cuda::Taken> taken;
  std::vector<OnDevice<float>> out;
  for (std::size_t c = 0; c < kOutputs; ++c) {
    sums.push_back({factor_table.data() + first[c], factor_table.data() + first[kOutputs + c], paths[c], products.data() + c * spectrum_bytes});
    out.emplace_back(backend, to_size(count));
    taken.push_back({wet.data() + c * signal_bytes, out.back().data()});
  }
  OnDevice<cuda::SpectralSum> sum_table(backend, sums);
  OnDevice<cuda::Taken> taken_table(backend, taken);
  on.multiply_spectra({sum_table.data(), kOutputs, size, in_double}, backend.stream());
  std::size_t work_bytes = 0;
  void* const plan = on.fft->create(size, kOutputs, in_double, &work_bytes);
  OnDevice<std::byte> work(backend, work_bytes);
  EXPECT_TRUE(on.fft->use_work(plan, work.data()));
  EXPECT_TRUE(on.fft->inverse(plan, products.data(), wet.data(), backend.stream()));
  on.take({taken_table.data(), kOutputs, lead, count, in_double}, backend.stream());

  const Precision precision = in_double ? Precision::float64 : Precision::float32;
  const IrSpectra spectra = IrSpectra::prepare(ir_rows, kInputs, kOutputs, taps, convolution_fft_size(taps, count, precision), precision);
  std::vector<std::vector<float>> want(kOutputs, std::vector<float>(to_size(count)));
  std::vector<float*> want_rows;
  for (auto& row : want) want_rows.push_back(row.data());
  ConvolveScratch scratch;
  convolve(spectra, in_rows, lead, count, want_rows, scratch);
  for (std::size_t c = 0; c < kOutputs; ++c)
    EXPECT_WITHIN_DB(out[c].download(), std::span<const float>(want[c]), in_double ? -138.0 : -126.0) << taps << " taps, lead " << lead << ", " << count << " frames";
  wet.download(), products.download(), work.download();
  on.fft->destroy(plan);
}

TEST(CudaConvolve, StaysWithinItsBudgetOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    compare_convolution(*backend, 1, 0, 1, false);
    compare_convolution(*backend, 500, 499, 3000, false);
    compare_convolution(*backend, 500, 0, 3000, true);
    compare_convolution(*backend, 2047, 100, 2049, false);
    compare_convolution(*backend, 48000, 47999, 30000, false);
    testing::ran("convolve", backend->name());
    testing::ran("convolve in double", backend->name());
  }
}

}  // namespace
}  // namespace dubfarm::kernels
