#include "tests/golden/cases.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "kernels/limit/limit_constants.hpp"
#include "kernels/pan/pan_tables.hpp"
#include "kernels/true_peak/true_peak.hpp"

namespace dubfarm::golden {
namespace {

namespace cuda = kernels::cuda;
using media::SampleFormat;

/// splitmix64.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// Memory of one run of a case.
class Run {
 public:
  explicit Run(Device& device) : device_(device) {}
  ~Run() {
    for (void* const memory : memory_) device_.release(memory);
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  [[nodiscard]] const cuda::Operations& on() const { return device_.operations; }
  [[nodiscard]] cuda::StreamHandle stream() const { return device_.stream; }

  template <class T>
  T* put(const std::vector<T>& values) {
    memory_.push_back(device_.allocate(std::max<std::size_t>(1, values.size() * sizeof(T))));
    if (!values.empty()) device_.up(memory_.back(), values.data(), values.size() * sizeof(T));
    return static_cast<T*>(memory_.back());
  }
  /// Memory whose bytes all are 0xFF: no result is.
  template <class T>
  T* space(std::size_t count) { return reinterpret_cast<T*>(put(std::vector<unsigned char>(count * sizeof(T), 0xFF))); }
  /// The same, and part of the result.
  template <class T>
  T* out(std::size_t count) {
    T* const memory = space<T>(count);
    results_.push_back({memory, count * sizeof(T)});
    return memory;
  }
  template <class T>
  T* out(const std::vector<T>& values) {
    T* const memory = put(values);
    results_.push_back({memory, values.size() * sizeof(T)});
    return memory;
  }
  /// All that was said to be one, in that order.
  [[nodiscard]] std::vector<std::byte> result() {
    std::vector<std::byte> all;
    for (const auto& [memory, bytes] : results_) {
      all.resize(all.size() + bytes);
      device_.down(all.data() + all.size() - bytes, memory, bytes);
    }
    return all;
  }

 private:
  Device& device_;
  std::vector<void*> memory_;
  std::vector<std::pair<const void*, std::size_t>> results_;
};

std::size_t to_size(Frames frames) { return static_cast<std::size_t>(frames); }

std::vector<std::byte> decode(Device& device) {
  Run run(device);
  std::vector<cuda::DecodeRun> runs;
  for (const SampleFormat format : media::kSampleFormats) {  // the middle one of three channels
    const int size = media::bytes_per_sample(format);
    runs.push_back({run.put(samples(format, 3 * to_size(kFrames))) + size, 3 * size, format, kFrames, run.out<float>(to_size(kFrames)), nullptr});
  }
  run.on().decode({run.put(runs), static_cast<int>(runs.size()), kFrames}, run.stream());
  return run.result();
}

/// Two clips that overlap, one with each kind of fade.
std::vector<std::byte> clip(Device& device) {
  Run run(device);
  std::vector<cuda::Clip> clips(2);
  clips[0].samples = reinterpret_cast<const std::byte*>(run.put(signal(to_size(kFrames), 21)));
  clips[1].samples = reinterpret_cast<const std::byte*>(run.put(signal(to_size(kFrames), 22)));
  for (cuda::Clip& c : clips) c.stride = sizeof(float), c.format = SampleFormat::f32le;
  clips[0].gain = 0.7, clips[0].fade_in = {700, 100, 0}, clips[0].fade_out = {900, 3000, 1};
  clips[1].gain = 0.9, clips[1].join_in = {333, 17, 2}, clips[1].join_out = {100, 2222, 2};
  const std::vector<cuda::ClipRef> refs = {{0, 0}, {1, 0}};
  const std::vector<cuda::ClipPiece> pieces = {{run.out<float>(to_size(kFrames)), kFrames, 0, 2}};
  run.on().clips({run.put(clips), run.put(refs), run.put(pieces), 1, kFrames}, run.stream());
  return run.result();
}

std::vector<cuda::Line> lines(double from, double to) {
  return {{kCurveFrom, 0, from, 0}, {kCurveTo, kCurveFrom, from, (to - from) / static_cast<double>(kCurveTo - kCurveFrom)}, {kFrames, kCurveTo, to, 0}};
}

std::vector<std::byte> gain_curve(Device& device) {
  Run run(device);
  const std::vector<cuda::Line> level = lines(-150, 6);
  const std::vector<cuda::GainRow> rows = {{run.put(level), 3, kAddDb, run.out<double>(to_size(kFrames))}, {run.put(level), 3, 0, run.out<double>(to_size(kFrames))}};
  run.on().gain_rows({run.put(rows), 2, 0, kFrames}, run.stream());
  const std::vector<cuda::Product> products = {{rows[1].gain, rows[0].gain}};
  run.on().multiply_rows({run.put(products), 1, kFrames}, run.stream());
  return run.result();
}

std::vector<std::byte> pan_curve(Device& device) {
  Run run(device);
  double* gains[kMaxChannels] = {};
  for (int c = 0; c < channel_count(Layout::surround_51); ++c)
    if (c != 3) gains[c] = run.out<double>(to_size(kFrames));  // not the LFE
  cuda::PanRow row = kernels::pan_row(Layout::surround_51, gains);
  row.lines = run.put(lines(180, -180)), row.line_count = 3;
  run.on().pan_rows({run.put(std::vector<cuda::PanRow>{row}), 1, 0, kFrames}, run.stream());
  return run.result();
}

std::vector<std::byte> eq_static(Device& device) {
  Run run(device);
  std::vector<double> steps;
  for (const auto& band : kEqSteps) steps.insert(steps.end(), std::begin(band), std::end(band));
  const double* const step_table = run.put(steps);
  std::vector<cuda::EqLane> lanes;
  for (int l = 0; l < kEqLanes; ++l)
    lanes.push_back({run.out(signal(to_size(kFrames), static_cast<std::uint64_t>(30 + l))), step_table, run.put(std::vector<double>(2 * kEqBands, 0.0)), kEqBands});
  run.on().eq({run.put(lanes), kEqLanes, kFrames}, run.stream());
  return run.result();
}

std::vector<std::byte> eq_chain(Device& device) {
  Run run(device);
  std::vector<cuda::EqStage> stages(2);
  stages[0].ramps = run.put(std::vector<cuda::EqRamp>(std::begin(kBellRamps), std::end(kBellRamps))), stages[0].ramp_count = 3;
  stages[1].step = run.put(std::vector<double>(std::begin(kShelfStep), std::end(kShelfStep)));
  for (cuda::EqStage& stage : stages) stage.states = run.put(std::vector<double>(4, 0.0));
  cuda::EqChainRun chain;
  chain.x[0] = run.out(signal(to_size(kFrames), 41)), chain.x[1] = run.out(signal(to_size(kFrames), 42));
  chain.channels = 2, chain.stages = run.put(stages), chain.stage_count = 2, chain.n = kFrames;
  run.on().eq_chains({run.put(std::vector<cuda::EqChainRun>{chain}), 1}, run.stream());
  return run.result();
}

std::vector<std::byte> mix(Device& device, bool to_sums) {
  Run run(device);
  std::vector<double> curve(to_size(kFrames)), coefs;
  for (std::size_t i = 0; i < curve.size(); ++i) curve[i] = 0.01 * static_cast<double>(i % 150);
  const double* const gain = run.put(curve);
  std::vector<cuda::MixLane> lanes;
  for (int l = 0; l < kMixLanes; ++l) {
    lanes.push_back({run.put(signal(to_size(kFrames), static_cast<std::uint64_t>(50 + l))), to_sums && l % 3 == 2 ? gain : nullptr, 0, kFrames});
    for (int o = 0; o < kMixOuts; ++o) coefs.push_back(mix_coef(l, o));
  }
  std::vector<double*> sums;
  std::vector<float*> outs;
  for (int o = 0; o < kMixOuts; ++o)
    if (to_sums) sums.push_back(run.out(std::vector<double>(to_size(kFrames), 0.25)));
    else outs.push_back(run.out<float>(to_size(kFrames)));
  cuda::MixArgs args;
  args.lanes = run.put(lanes), args.lane_count = kMixLanes, args.coefs = run.put(coefs), args.outs = kMixOuts, args.n = kFrames, args.adds = to_sums;
  if (to_sums) args.sums = run.put(sums);
  else args.out = run.put(outs);
  run.on().mix(args, run.stream());
  return run.result();
}

std::vector<std::byte> gains(Device& device) {
  Run run(device);
  std::vector<double> curve(to_size(kFrames));
  for (std::size_t i = 0; i < curve.size(); ++i) curve[i] = 1e-3 * static_cast<double>(i);
  const std::vector<cuda::GainedRow> rows = {{run.out(signal(to_size(kFrames), 61)), 0.3, nullptr}, {run.out(signal(to_size(kFrames), 62)), 1, run.put(curve)}};
  run.on().apply_gains({run.put(rows), 2, kFrames}, run.stream());
  return run.result();
}

std::vector<std::byte> level(Device& device) {
  Run run(device);
  const std::vector<cuda::LevelRun> runs = {{run.put(signal(to_size(kFrames), 71)), kFrames, -0.2f, 0.2f, run.out<double>(1), run.out<std::int64_t>(1)}};
  run.on().level({run.put(runs), 1}, run.stream());
  return run.result();
}

std::vector<std::byte> qc(Device& device) {
  Run run(device);
  const float* const x = run.put(signal(to_size(kFrames + 1), 81)) + 1;
  const float* const y = run.put(signal(to_size(kFrames + 1), 82)) + 1;
  double* const sums = run.out<double>(5);
  constexpr Frames kBlocks = 100;
  const std::vector<cuda::PairRun> pairs = {{x, y, kFrames, sums}};
  const std::vector<cuda::SlopeRun> slopes = {{x, kFrames, sums + 3}};
  const std::vector<cuda::FlatRun> flats = {{x, kBlocks, 0.2f, run.out<std::uint8_t>(kBlocks)}};
  run.on().qc({run.put(pairs), 1, run.put(slopes), 1, run.put(flats), 1, kBlocks}, run.stream());
  return run.result();
}

std::vector<std::byte> true_peak(Device& device) {
  Run run(device);
  std::int32_t* const bits = run.out(std::vector<std::int32_t>{0, 0});
  const std::vector<cuda::PeakRun> runs = {{run.put(signal(to_size(kFrames + kernels::kTruePeakHistory), 91)) + kernels::kTruePeakHistory, kFrames, bits, bits + 1}};
  run.on().true_peaks({run.put(runs), 1, kFrames}, run.stream());
  return run.result();
}

std::vector<std::byte> weighted(Device& device, const cuda::Weighting& weighting) {
  constexpr Frames kHistory = 4800, kSubblock = 960, kSubblocks = 5;
  Run run(device);
  std::vector<cuda::WeightedRun> runs;
  for (const std::uint64_t channel : {0u, 1u})
    runs.push_back({run.put(signal(to_size(kHistory + kSubblocks * kSubblock), 101 + channel)) + kHistory, run.out<double>(to_size(kSubblocks))});
  run.on().weighted_energies({run.put(runs), 2, weighting, kHistory, kSubblock, kSubblocks}, run.stream());
  return run.result();
}

/// 24 bits, dithered, three channels; loud enough to clip.
std::vector<std::byte> quantise(Device& device) {
  Run run(device);
  std::byte* const bytes = run.out<std::byte>(3 * 3 * to_size(kFrames));
  std::int64_t* const counts = run.out(std::vector<std::int64_t>{0, 0});
  std::vector<cuda::QuantisedChannel> channels;
  for (std::uint64_t c = 0; c < 3; ++c) {
    const std::vector<float> x = signal(to_size(kFrames), 111 + c, 1.01f);
    channels.push_back({run.put(std::vector<double>(x.begin(), x.end())), {kDitherKeys[c], kDitherKeys[c], false, true}, run.out<float>(to_size(kFrames))});
  }
  run.on().quantise({run.put(channels), 3, 8000, kFrames, 3, false, true, bytes, counts, counts + 1}, run.stream());
  return run.result();
}

std::vector<std::byte> limiter(Device& device) {
  Run run(device);
  kernels::LimiterSettings settings;
  settings.lookahead = kLookahead, settings.rounding = 1e-7;
  const kernels::LimiterConstants constants = kernels::limiter_constants(settings);
  std::vector<const double*> rows;
  for (const std::uint64_t channel : {0u, 1u}) {
    const std::vector<float> x = signal(to_size(kLimitFrames), 121 + channel, 1.8f);
    rows.push_back(run.put(std::vector<double>(x.begin(), x.end())));
  }
  cuda::LimitArgs args;
  args.x = run.put(rows), args.channels = 2, args.n = kLimitFrames, args.gain = run.out<double>(to_size(kLimitFrames));
  args.workspace = run.space<std::byte>(to_size(cuda::limiter_workspace_bytes(kLimitFrames, kLookahead, 2)));
  args.numbers = {constants.threshold, kernels::kUnitsPerOctave, constants.level, constants.slope, {constants.most[0], constants.most[1]}, kLookahead,
                  run.put(constants.weights)};
  run.on().limit(args, run.stream());
  return run.result();
}

std::vector<std::byte> energies(Device& device) {
  Run run(device);
  const Frames count = cuda::kEnergyPiece + 1234;
  const std::vector<cuda::EnergyRow> rows = {{run.put(signal(to_size(count), 131)), count, run.out<double>(2)}};
  run.on().energies({run.put(rows), 1, count}, run.stream());
  return run.result();
}

std::vector<float> taps() {
  std::vector<float> ir = signal(to_size(kTaps), 142);
  for (float& tap : ir) tap *= 0.1f;
  return ir;
}

/// One input, one response, one output.
std::vector<std::byte> convolve(Device& device, bool in_double) {
  Run run(device);
  const cuda::FftOperations& fft = *run.on().fft;
  const Frames size = fft.size_at_least(cuda::convolution_frames(kTaps, 0, kFrames));
  const std::size_t real = in_double ? 8 : 4, row = (to_size(size) + 2) * real;
  void* const signal_at = run.space<std::byte>(row);
  std::byte* const spectra = run.space<std::byte>(3 * row);
  std::size_t work_bytes = 0;
  void* const plan = fft.create(size, 1, in_double, &work_bytes);
  const auto failed = [] { return std::vector<std::byte>(); };
  if (plan == nullptr) return failed();
  bool is_well = fft.use_work(plan, run.space<std::byte>(std::max<std::size_t>(1, work_bytes)));
  const std::vector<cuda::Placed> placed = {{run.put(signal(to_size(kFrames), 141)), kFrames, signal_at}, {run.put(taps()), kTaps, signal_at}};
  cuda::Placed* const placed_table = run.put(placed);
  run.on().place({placed_table, 1, size, 1.0, in_double}, run.stream());
  is_well = is_well && fft.forward(plan, signal_at, spectra, run.stream());
  run.on().place({placed_table + 1, 1, size, 1.0 / static_cast<double>(size), in_double}, run.stream());
  is_well = is_well && fft.forward(plan, signal_at, spectra + row, run.stream());
  const std::vector<const void*> factors = {spectra, spectra + row};
  const void** const factor_table = run.put(factors);
  const std::vector<cuda::SpectralSum> sums = {{factor_table, factor_table + 1, 1, spectra + 2 * row}};
  run.on().multiply_spectra({run.put(sums), 1, size, in_double}, run.stream());
  is_well = is_well && fft.inverse(plan, spectra + 2 * row, signal_at, run.stream());
  const std::vector<cuda::Taken> taken = {{signal_at, run.out<float>(to_size(kFrames))}};
  run.on().take({run.put(taken), 1, 0, kFrames, in_double}, run.stream());
  std::vector<std::byte> result = run.result();
  fft.destroy(plan);
  return is_well ? result : failed();
}

std::vector<double> convolved() {
  const std::vector<float> x = signal(to_size(kFrames), 141), ir = taps();
  std::vector<double> out(x.size(), 0.0);
  const auto normal = [](float v) { return std::abs(v) < std::numeric_limits<float>::min() ? 0.0 : static_cast<double>(v); };
  for (std::size_t n = 0; n < out.size(); ++n)
    for (std::size_t k = 0; k <= std::min(n, ir.size() - 1); ++k) out[n] += normal(x[n - k]) * normal(ir[k]);
  return out;
}

}  // namespace

const cuda::EqRamp kBellRamps[3] = {
    {64, 0, {0x1.acf4e4e159dfp-7, 0x1.92be13de613fp-1, 0x1p+0, 0x1.90d59cc9035fap-1, 0x0p+0}, {0x1.d01c4c81aaa0ep-12, 0x0p+0, 0x0p+0, 0x0p+0, 0x0p+0}},
    {128, 64, {0x1.534b5f792bc83p-5, 0x1.92be13de613fp-1, 0x1p+0, 0x1.90d59cc9035fap-1, 0x0p+0}, {0x1.7199f67c9b9aep-10, 0x0p+0, 0x0p+0, 0x0p+0, 0x0p+0}},
    {4099, 128, {0x1.0d9fd31c98bf8p-3, 0x1.92be13de613fp-1, 0x1p+0, 0x1.90d59cc9035fap-1, 0x0p+0}, {0x0p+0, 0x0p+0, 0x0p+0, 0x0p+0, 0x0p+0}}};
const double kShelfStep[] = {0x1.aae8ce96af5d4p-2, -0x1.649bff878343bp-2, 0x1.649bff878343bp-2, 0x1.649bff878343bp-2, 0x1.d42cf93e6c4ccp-1,
                             0x1.5e98360c9d9a3p-4, 0x1.7cc0e2283e698p-3,  0x1.f88b4f2493693p-3, 0x1.81dd2c36db25bp-1};
const cuda::Weighting kKWeighting = {false, {0x1.88fdf15b33df8p+0, -0x1.5889803022554p+1, 0x1.32c9df0a5fdf9p+0, -0x1.b0cf0c24e59d1p+0, 0x1.7707b85469636p-1,
                                             -0x1.fd73bffffffebp+0, 0x1.faeabfffffff7p-1}};
const cuda::Weighting kMWeighting = {true, {0x1.48f743d2b6fdcp-2, -0x1.4b142ba86492p-5, -0x1.ccffe7c29045p-3, -0x1.c8a653e31248p-5, -0x1.b5350352d44a2p-1,
                                            0x1.438236957dd99p-3, -0x1.710f51929f002p-2, 0x1.d4f18b4ea88f3p-2, -0x1.c6b48bcaf07fep-1, 0x1.7ecab1bc462cp-2}};

double mix_coef(int lane, int out) { return (lane + out) % 4 == 3 ? 0.0 : 0.1 * (lane + 1) - 0.07 * out; }

std::vector<float> signal(std::size_t count, std::uint64_t seed, float peak) {
  Numbers numbers(seed);
  std::vector<float> x(count);
  for (float& value : x) value = static_cast<float>(static_cast<std::int64_t>(numbers.next()) >> 40) * 0x1p-23f * peak;
  for (std::size_t i = 0; i < count; i += 7) x[i] = i % 3 == 0 ? -0.0f : i % 3 == 1 ? 1e-41f : -peak;
  return x;
}

std::vector<std::byte> samples(SampleFormat format, std::size_t count) {
  Numbers numbers(1000 + static_cast<std::uint64_t>(format));
  std::vector<std::byte> bytes(count * static_cast<std::size_t>(media::bytes_per_sample(format)));
  for (std::byte& b : bytes) b = static_cast<std::byte>(numbers.next()) & std::byte{static_cast<unsigned char>(media::is_float(format) ? 0x3F : 0xFF)};
  return bytes;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"decode", decode, {}},
      {"clip", clip, {}},
      {"gain curve", gain_curve, {}},
      {"pan curve", pan_curve, {}},
      {"eq static", eq_static, {}},
      {"eq chain", eq_chain, {}},
      {"mix add", [](Device& device) { return mix(device, true); }, {}},
      {"mix store", [](Device& device) { return mix(device, false); }, {}},
      {"mix scale, store", gains, {}},
      {"level", level, {}},
      {"qc", qc, {}},
      {"true peak", true_peak, {}},
      {"k-weighting", [](Device& device) { return weighted(device, kKWeighting); }, {}},
      {"m-weighting", [](Device& device) { return weighted(device, kMWeighting); }, {}},
      {"quantise", quantise, {}},
      {"limiter", limiter, {}},
      {"energies", energies, {}},
      {"convolve", [](Device& device) { return convolve(device, false); }, convolved()},
      {"convolve in double", [](Device& device) { return convolve(device, true); }, convolved()},
  };
  return all;
}

double error_db(const Case& c, const std::vector<std::byte>& result) {
  if (result.size() != c.exact.size() * sizeof(float)) return std::numeric_limits<double>::infinity();
  double worst = 1e-300;
  for (std::size_t i = 0; i < c.exact.size(); ++i) {
    float value = 0;
    std::memcpy(&value, result.data() + i * sizeof value, sizeof value);
    const double error = std::abs(static_cast<double>(value) - c.exact[i]);
    if (!(error <= worst)) worst = error;
    if (std::isnan(worst)) return std::numeric_limits<double>::infinity();
  }
  return 20 * std::log10(worst);
}

}  // namespace dubfarm::golden
