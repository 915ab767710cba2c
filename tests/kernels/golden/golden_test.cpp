// Golden hashes: what every operation gives for one fixed input is written down in tests/golden/golden.json, and every backend is held to it: this
// machine's instruction sets, the emulation, and a GPU where there is one. A change of bits shows here even where all backends change alike.
//
// To record them anew, where a change of bits is meant (raise kNumericProfile and kDeviceProfile too):
//   DUBFARM_RECORD_GOLDEN=tests/golden/golden.json build/dev/tests/tests_kernels --gtest_filter='Golden.*'
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "common/sha256.hpp"
#include "kernels/automation/automation.hpp"
#include "kernels/clip/clip.hpp"
#include "kernels/convolve/convolve.hpp"
#include "kernels/core/svf.hpp"
#include "kernels/decode/decode.hpp"
#include "kernels/eq/eq.hpp"
#include "kernels/eq/eq_tables.hpp"
#include "kernels/level/level.hpp"
#include "kernels/limit/limit.hpp"
#include "kernels/loudness/loudness.hpp"
#include "kernels/loudness/m_weighting.hpp"
#include "kernels/mix/mix.hpp"
#include "kernels/pan/pan.hpp"
#include "kernels/qc/qc.hpp"
#include "kernels/quantise/quantise.hpp"
#include "kernels/true_peak/true_peak.hpp"
#include "tests/golden/cases.hpp"
#include "tests/support/command.hpp"
#include "tests/support/cuda_backend.hpp"

namespace dubfarm::kernels {
namespace {

using golden::kFrames;
using Json = nlohmann::json;
using Bytes = std::vector<std::byte>;
constexpr auto kCount = static_cast<std::size_t>(kFrames);

template <class T>
void append(Bytes& bytes, const std::vector<T>& values) {
  const auto all = std::as_bytes(std::span(values));
  bytes.insert(bytes.end(), all.begin(), all.end());
}
template <class T>
Bytes bytes_of(const std::vector<std::vector<T>>& rows) {
  Bytes bytes;
  for (const auto& row : rows) append(bytes, row);
  return bytes;
}
std::string sha256_of(const Bytes& bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}
template <class T>
std::vector<T*> pointers(std::vector<std::vector<T>>& rows) {
  std::vector<T*> all;
  for (auto& row : rows) all.push_back(row.data());
  return all;
}
mix::Automation between(Frames from, double a, Frames to, double b) {
  mix::Automation automation;
  automation.points = {{from, a}, {to, b}};
  return automation;
}
mix::Automation still(double value) { return {value, {}, {}}; }

Bytes decoded(Isa isa) {
  std::vector<std::vector<float>> out;
  for (const media::SampleFormat format : media::kSampleFormats) {
    out.emplace_back(kCount);
    decode(golden::samples(format, 3 * kCount).data(), format, 3, 1, kFrames, out.back().data(), isa);
  }
  return bytes_of(out);
}

Bytes clipped(Isa isa) {
  ClipShape a, b;
  a.gain = 0.7, a.fade_in = {700, 100, mix::FadeCurve{0}}, a.fade_out = {900, 3000, mix::FadeCurve{1}};
  b.gain = 0.9, b.join_in = {333, 17, mix::FadeCurve{2}}, b.join_out = {100, 2222, mix::FadeCurve{2}};
  std::vector<std::vector<float>> out(1, std::vector<float>(kCount, 0.0f));
  add_clip(a, 0, kFrames, golden::signal(kCount, 21).data(), out[0].data(), isa);
  add_clip(b, 0, kFrames, golden::signal(kCount, 22).data(), out[0].data(), isa);
  return bytes_of(out);
}

Bytes gain_curves(Isa isa) {
  std::vector<std::vector<double>> out(2, std::vector<double>(kCount));
  const mix::Automation level = between(golden::kCurveFrom, -150, golden::kCurveTo, 6);
  GainCurve(level, golden::kAddDb).evaluate(0, kFrames, out[0].data(), isa);
  GainCurve(level).evaluate(0, kFrames, out[1].data(), isa);
  multiply(out[1].data(), out[0].data(), kFrames, isa);
  return bytes_of(out);
}

Bytes pan_curves(Isa isa) {
  std::vector<std::vector<double>> out(6, std::vector<double>(kCount, 0.0));
  const PanCurve curve(Layout::surround_51, between(golden::kCurveFrom, 180, golden::kCurveTo, -180));
  std::vector<double*> rows;
  for (const int c : curve.channels()) rows.push_back(out[static_cast<std::size_t>(c)].data());
  curve.evaluate(0, kFrames, rows.data(), isa);
  out.erase(out.begin() + 3);  // the LFE
  return bytes_of(out);
}

Bytes equalised(Isa isa) {
  EqBank bank(golden::kEqLanes, golden::kEqBands);
  std::vector<std::vector<float>> x;
  for (int l = 0; l < golden::kEqLanes; ++l) {
    x.push_back(golden::signal(kCount, static_cast<std::uint64_t>(30 + l)));
    for (int b = 0; b < golden::kEqBands; ++b) {
      const double* const v = golden::kEqSteps[b];
      bank.set(l, b, {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8]});
    }
  }
  bank.process(pointers(x).data(), kFrames, isa);
  return bytes_of(x);
}

Bytes chained(Isa isa) {
  EqChain chain(2, 48000);
  chain.add(mix::FilterType::peak, between(0, 200, 128, 2000), still(0.9), still(6));
  chain.add(mix::FilterType::highshelf, still(4000), still(0.7), still(-3));
  std::vector<std::vector<float>> x = {golden::signal(kCount, 41), golden::signal(kCount, 42)};
  chain.process(pointers(x).data(), 0, kFrames, isa);
  return bytes_of(x);
}

Bytes added(Isa isa) {
  std::vector<double> curve(kCount);
  for (std::size_t i = 0; i < kCount; ++i) curve[i] = 0.01 * static_cast<double>(i % 150);
  std::vector<std::vector<double>> sums(golden::kMixOuts, std::vector<double>(kCount, 0.25));
  for (int l = 0; l < golden::kMixLanes; ++l) {
    const std::vector<float> x = golden::signal(kCount, static_cast<std::uint64_t>(50 + l));
    for (int o = 0; o < golden::kMixOuts; ++o) {
      double* const sum = sums[static_cast<std::size_t>(o)].data();
      if (l % 3 == 2) mix_add_curve(x.data(), curve.data(), golden::mix_coef(l, o), kFrames, sum, isa);
      else mix_add_scaled(x.data(), golden::mix_coef(l, o), kFrames, sum, isa);
    }
  }
  return bytes_of(sums);
}

Bytes stored(Isa isa) {
  std::vector<std::vector<float>> x, out(golden::kMixOuts, std::vector<float>(kCount));
  std::vector<double> coefs(static_cast<std::size_t>(golden::kMixLanes * golden::kMixOuts));
  for (int l = 0; l < golden::kMixLanes; ++l) x.push_back(golden::signal(kCount, static_cast<std::uint64_t>(50 + l)));
  for (int o = 0; o < golden::kMixOuts; ++o) {  // [outs][lanes] here
    for (int l = 0; l < golden::kMixLanes; ++l) coefs[static_cast<std::size_t>(o * golden::kMixLanes + l)] = golden::mix_coef(l, o);
  }
  std::vector<const float*> rows;
  for (const auto& row : x) rows.push_back(row.data());
  mix_store(rows.data(), golden::kMixLanes, coefs.data(), golden::kMixOuts, kFrames, pointers(out).data(), isa);
  return bytes_of(out);
}

Bytes scaled(Isa isa) {
  std::vector<double> curve(kCount);
  for (std::size_t i = 0; i < kCount; ++i) curve[i] = 1e-3 * static_cast<double>(i);
  std::vector<std::vector<float>> x = {golden::signal(kCount, 61), golden::signal(kCount, 62)};
  apply_gain(x[0].data(), 0.3, kFrames, isa);
  apply_gain(x[1].data(), curve.data(), kFrames, isa);
  return bytes_of(x);
}

Bytes levelled(Isa isa) {
  const Level found = level(golden::signal(kCount, 71).data(), kFrames, -0.2f, 0.2f, isa);
  Bytes bytes;
  append(bytes, std::vector<double>{found.sum});
  append(bytes, std::vector<std::int64_t>{found.full_scale});
  return bytes;
}

Bytes checked(Isa isa) {
  const std::vector<float> x = golden::signal(kCount + 1, 81), y = golden::signal(kCount + 1, 82);
  const PairSums pair = pair_sums(x.data() + 1, y.data() + 1, kFrames, isa);
  const SlopeSums slope = slope_sums(x.data() + 1, kFrames, isa);
  std::vector<std::uint8_t> flat(100);
  flat_blocks(x.data() + 1, 100, 0.2f, flat.data(), isa);
  Bytes bytes;
  append(bytes, std::vector<double>{pair.left, pair.right, pair.product, slope.energy, slope.slope});
  append(bytes, flat);
  return bytes;
}

Bytes peaked(Isa isa) {
  const Peaks found = peaks(golden::signal(kCount + static_cast<std::size_t>(kTruePeakHistory), 91).data() + kTruePeakHistory, kFrames, isa);
  EXPECT_GT(found.true_peak, found.sample_peak);  // so that it is the interpolated values' own
  Bytes bytes;
  append(bytes, std::vector<float>{found.true_peak, found.sample_peak});
  return bytes;
}

Bytes weighted(Isa isa, bool is_m) {
  std::vector<std::vector<float>> x = {golden::signal(4800 + 5 * 960, 101), golden::signal(4800 + 5 * 960, 102)};
  const std::vector<const float*> rows = {x[0].data() + 4800, x[1].data() + 4800};
  std::vector<std::vector<double>> out(1, std::vector<double>(10));
  (is_m ? m_weighted_energies : subblock_energies)(rows.data(), 2, 5 * 960, 48000, out[0].data(), 5, isa);
  return bytes_of(out);
}

Bytes quantised(Isa isa) {
  std::vector<std::vector<double>> x;
  for (std::uint64_t c = 0; c < 3; ++c) {
    const std::vector<float> signal = golden::signal(kCount, 111 + c, 1.01f);
    x.emplace_back(signal.begin(), signal.end());
  }
  std::vector<const double*> rows;
  for (const auto& row : x) rows.push_back(row.data());
  Bytes bytes(9 * kCount);
  std::vector<std::vector<float>> delivered(3, std::vector<float>(kCount));
  const std::vector<float*> delivered_rows = pointers(delivered);
  const std::vector<int> order = {0, 1, 2};
  QuantiseArgs args;
  args.channels = rows.data(), args.order = order, args.first_frame = 8000, args.count = kFrames, args.type = SampleType::int24;
  args.dither_keys = golden::kDitherKeys, args.out = bytes.data(), args.delivered = delivered_rows.data();
  const QuantiseStats stats = quantise(args, isa);
  EXPECT_GT(stats.clipped, 0);
  append(bytes, std::vector<std::int64_t>{stats.clipped, stats.not_a_number});
  for (const auto& row : delivered) append(bytes, row);
  return bytes;
}

Bytes limited(Isa isa) {
  LimiterSettings settings;
  settings.lookahead = golden::kLookahead, settings.rounding = 1e-7;
  LimiterCurve curve(settings, 2, isa);
  std::vector<std::vector<double>> x;
  for (const std::uint64_t channel : {0u, 1u}) {
    const std::vector<float> signal = golden::signal(static_cast<std::size_t>(golden::kLimitFrames), 121 + channel, 1.8f);
    x.emplace_back(signal.begin(), signal.end());
    x.back().resize(signal.size() + static_cast<std::size_t>(curve.delay()), 0.0);
  }
  const std::vector<const double*> rows = {x[0].data(), x[1].data()};
  std::vector<std::vector<double>> gain(1, std::vector<double>(x[0].size()));
  curve.advance(rows.data(), static_cast<Frames>(gain[0].size()), gain[0].data());
  gain[0].erase(gain[0].begin(), gain[0].begin() + curve.delay());
  return bytes_of(gain);
}

/// In the device's order: 256 threads, then their tree. The CPU backend has no such operation.
Bytes energies(Isa) {
  constexpr std::size_t kThreads = 256, kPiece = cuda::kEnergyPiece;
  const std::vector<float> x = golden::signal(kPiece + 1234, 131);
  std::vector<std::vector<double>> sums(1);
  for (std::size_t from = 0; from < x.size(); from += kPiece) {
    std::vector<double> threads(kThreads, 0.0);
    for (std::size_t i = from; i < std::min(x.size(), from + kPiece); ++i) threads[i % kThreads] = std::fma(static_cast<double>(x[i]), static_cast<double>(x[i]), threads[i % kThreads]);
    for (std::size_t half = kThreads / 2; half > 0; half /= 2)
      for (std::size_t t = 0; t < half; ++t) threads[t] += threads[t + half];
    sums[0].push_back(threads[0]);
  }
  return bytes_of(sums);
}

Bytes convolved(Isa isa, Precision precision) {
  std::vector<float> ir = golden::signal(static_cast<std::size_t>(golden::kTaps), 142);
  for (float& tap : ir) tap *= 0.1f;
  const float* const path = ir.data();
  const IrSpectra spectra = IrSpectra::prepare(std::span(&path, 1), 1, 1, golden::kTaps, convolution_fft_size(golden::kTaps, kFrames, precision), precision, isa);
  const std::vector<float> x = golden::signal(kCount, 141);
  const float* const in = x.data();
  std::vector<std::vector<float>> out(1, std::vector<float>(kCount));
  float* const to = out[0].data();
  ConvolveScratch scratch;
  convolve(spectra, std::span(&in, 1), 0, kFrames, std::span(&to, 1), scratch, isa);
  return bytes_of(out);
}

const std::map<std::string, std::function<Bytes(Isa)>>& on_cpu() {
  static const std::map<std::string, std::function<Bytes(Isa)>> all = {
      {"decode", decoded}, {"clip", clipped}, {"gain curve", gain_curves}, {"pan curve", pan_curves}, {"eq static", equalised}, {"eq chain", chained},
      {"mix add", added}, {"mix store", stored}, {"mix scale, store", scaled}, {"level", levelled}, {"qc", checked}, {"true peak", peaked},
      {"k-weighting", [](Isa isa) { return weighted(isa, false); }}, {"m-weighting", [](Isa isa) { return weighted(isa, true); }},
      {"quantise", quantised}, {"limiter", limited}, {"energies", energies},
      {"convolve", [](Isa isa) { return convolved(isa, Precision::float32); }}, {"convolve in double", [](Isa isa) { return convolved(isa, Precision::float64); }},
  };
  return all;
}

golden::Device device_of(testing::CudaBackend& backend) {
  return {backend.operations(), backend.stream(), [&](std::size_t bytes) { return backend.allocate(bytes); }, [&](void* memory) { backend.free(memory); },
          [&](void* device, const void* host, std::size_t bytes) { backend.upload(device, host, bytes); },
          [&](void* host, const void* device, std::size_t bytes) { backend.download(host, device, bytes); }};
}

/// Every case's result on every backend of this machine.
std::map<std::string, Bytes> results_of(const golden::Case& c) {
  std::map<std::string, Bytes> results;
  for (const Isa isa : available_isas()) {
    const FlushDenormals flush;
    results.emplace("cpu " + std::string(name_of(isa)), on_cpu().at(c.operation)(isa));
  }
  for (testing::CudaBackend* backend : testing::cuda_backends()) {
    golden::Device device = device_of(*backend);
    results.emplace(backend->name(), c.run(device));
  }
  return results;
}

Json recorded() { return Json::parse(std::ifstream(testing::project_file("tests/golden/golden.json"))); }

TEST(Golden, EveryBackendGivesWhatWasRecorded) {
  if (const char* const file = std::getenv("DUBFARM_RECORD_GOLDEN"); file != nullptr) {
    std::ofstream out(file);
    std::set<std::string> backends;
    std::string lines;
    for (const golden::Case& c : golden::cases()) {
      const std::map<std::string, Bytes> results = results_of(c);
      for (const auto& [backend, bytes] : results) backends.insert(backend);
      lines += fmt::format("{}    {{\"operation\": \"{}\", ", lines.empty() ? "" : ",\n", c.operation);
      if (c.exact.empty()) lines += fmt::format("\"sha256\": \"{}\"}}", sha256_of(results.at("cpu generic")));
      else lines += fmt::format("\"tolerance_db\": {}}}", c.operation == "convolve" ? -126 : -138);
    }
    out << fmt::format("{{\n  \"dubfarm_golden\": 1,\n  \"recorded_on\": [\"{}\"],\n  \"gpu\": {},\n  \"operations\": [\n{}\n  ]\n}}\n", fmt::join(backends, "\", \""),
                       backends.contains("cuda") ? "\"recorded\"" : "\"none yet: no GPU was at hand\"", lines);
  }
  const Json golden = recorded();
  ASSERT_EQ(golden["operations"].size(), golden::cases().size());
  for (std::size_t i = 0; i < golden::cases().size(); ++i) {
    const golden::Case& c = golden::cases()[i];
    const Json& entry = golden["operations"][i];
    ASSERT_EQ(entry["operation"], c.operation);
    for (const auto& [backend, bytes] : results_of(c)) {
      if (c.exact.empty()) EXPECT_EQ(sha256_of(bytes), entry["sha256"].get<std::string>()) << c.operation << " on " << backend;
      else EXPECT_LT(golden::error_db(c, bytes), entry["tolerance_db"].get<double>()) << c.operation << " on " << backend;
    }
  }
}

TEST(Golden, ARecordThatIsNotTrueIsSeen) {
  const golden::Case& c = golden::cases().front();
  testing::CudaBackend* const emulation = testing::cuda_backends().front();
  golden::Device device = device_of(*emulation);
  Bytes bytes = c.run(device);
  const std::string hash = sha256_of(bytes);
  bytes[bytes.size() / 2] ^= std::byte{1};
  EXPECT_NE(sha256_of(bytes), hash);
  const golden::Case& transform = golden::cases().back();
  Bytes wet = transform.run(device);
  EXPECT_LT(golden::error_db(transform, wet), -138.0);
  wet[wet.size() / 8 * 4 + 2] ^= std::byte{0x40};  // a high bit of a mantissa
  EXPECT_GT(golden::error_db(transform, wet), -138.0);
}

/// The cases hold tables of numbers that a bare machine has no code to make: they are those that the designs give.
TEST(Golden, TheCasesTablesAreThoseOfTheDesigns) {
  const auto bell = eq::stage_tables(mix::FilterType::peak, between(0, 200, 128, 2000), still(0.9), still(6), 48000, 0, kFrames);
  ASSERT_EQ(bell.size(), 1u);
  ASSERT_EQ(bell[0].ramps.size(), 3u);
  for (std::size_t r = 0; r < 3; ++r) {
    EXPECT_EQ(bell[0].ramps[r].until, golden::kBellRamps[r].until);
    EXPECT_EQ(bell[0].ramps[r].from, golden::kBellRamps[r].from);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(bell[0].ramps[r].start[i], golden::kBellRamps[r].start[i]);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(bell[0].ramps[r].slope[i], golden::kBellRamps[r].slope[i]);
  }
  const SvfStep s = eq::stage_tables(mix::FilterType::highshelf, still(4000), still(0.7), still(-3), 48000, 0, kFrames)[0].step;
  EXPECT_TRUE(std::ranges::equal(std::vector<double>{s.a11, s.a12, s.b1, s.a21, s.a22, s.b2, s.c1, s.c2, s.d}, golden::kShelfStep));
  const KWeighting k = design_k_weighting(48000);
  EXPECT_TRUE(std::ranges::equal(std::vector<double>{k.shelf.b0, k.shelf.b1, k.shelf.b2, k.shelf.a1, k.shelf.a2, k.high_pass.a1, k.high_pass.a2, 0, 0, 0}, golden::kKWeighting.c));
  const MWeighting m = design_m_weighting(48000);
  EXPECT_TRUE(std::ranges::equal(std::vector<double>{m.b[0], m.b[1], m.b[2], m.b[3], m.a[0][0], m.a[0][1], m.a[1][0], m.a[1][1], m.a[2][0], m.a[2][1]}, golden::kMWeighting.c));
}

}  // namespace
}  // namespace dubfarm::kernels
