#include "worker/gpu/reverbs_and_buses.hpp"

#include <algorithm>
#include <numeric>

#include "common/layout.hpp"
#include "kernels/automation/automation.hpp"
#include "kernels/automation/automation_tables.hpp"
#include "kernels/convolve/convolve.hpp"
#include "kernels/mix/mix_cuda.hpp"
#include "worker/gain_after.hpp"
#include "worker/gpu/device_eq.hpp"

namespace dubfarm::worker::gpu {
namespace {

namespace cuda = kernels::cuda;

/// The transform for so many frames: at most an eighth longer, so that chunks of about one length share spectra and plans.
Frames transform_size(const cuda::FftOperations& fft, Frames frames) {
  Frames power = 4096;
  while (power <= frames / 2) power *= 2;
  const Frames step = power / 8;
  return fft.size_at_least((frames + step - 1) / step * step);
}

struct Span { Frames lead = 0, dead = 0, count = 0; };
/// The send runs `predelay` ahead of the convolution. Where the timeline has only just begun there is less of it than the predelay.
Span span_of(const program::Program& program, const program::Reverb& reverb) {
  const Frames count = program.length - reverb.output_from, lead = reverb.output_from - reverb.predelay - reverb.input_from;
  const Frames dead = std::min(count, std::max<Frames>(0, -lead));
  return {std::max<Frames>(0, lead), dead, count - dead};
}

}  // namespace

ReverbsAndBuses::ReverbsAndBuses(Workbench& bench, DeviceIrs& irs, FftPlans& plans, const program::Program& program, const SumLayout& layout, const TrackSums& tracks)
    : bench_(bench), irs_(irs), plans_(plans), program_(program) {
  const auto node = [&](int channels, int first_sum, Frames from) {
    Node made{.from = from, .channels = std::vector<int>(static_cast<std::size_t>(channels)), .rows = {}};
    std::iota(made.channels.begin(), made.channels.end(), 0);
    for (int c = 0; c < channels; ++c) made.rows.push_back(tracks.sum(first_sum + c) + (from - tracks.first()));
    return made;
  };
  for (std::size_t b = 0; b < program.buses.size(); ++b) buses_.push_back(node(channel_count(program.buses[b].layout), layout.bus_first[b], program.buses[b].from));
  for (std::size_t r = 0; r < program.reverbs.size(); ++r) sends_.push_back(node(inputs_of(program.reverbs[r]), layout.reverb_first[r], program.reverbs[r].input_from));
}

std::uint64_t ReverbsAndBuses::bytes_of(const program::Program& program, const cuda::FftOperations& fft, bool in_double) {
  std::uint64_t kept = 0, buffers = 0;
  for (const program::Reverb& reverb : program.reverbs) {
    const Span span = span_of(program, reverb);
    const auto inputs = static_cast<std::uint64_t>(inputs_of(reverb)), outputs = static_cast<std::uint64_t>(channel_count(reverb.layout));
    const auto row = static_cast<std::uint64_t>(transform_size(fft, cuda::convolution_frames(reverb.ir_frames, span.lead, span.count)) + 2) * (in_double ? 8 : 4);
    kept += outputs * static_cast<std::uint64_t>(program.length - reverb.output_from) * sizeof(float) + inputs * outputs * row;
    buffers = std::max(buffers, row * (inputs + 4));  // signal, product, the inputs' spectra, a work area of about two
  }
  return kept + buffers;
}

const float* ReverbsAndBuses::stem(int channel) const {
  const Node& node = buses_.back();
  return node.rows[static_cast<std::size_t>(channel)] - node.from;
}

Result<void> ReverbsAndBuses::run() {
  TRY(marks_.mark(bench_, 0));
  for (std::size_t r = 0; r < program_.reverbs.size(); ++r) {
    const program::Reverb& reverb = program_.reverbs[r];
    Plan& plan = plan_.emplace_back();
    TRY_ASSIGN(plan.paths, irs_.paths(bench_, program_.sources[reverb.ir].digest, inputs_of(reverb), channel_count(reverb.layout)));
    const Span span = span_of(program_, reverb);
    plan.lead = span.lead, plan.dead = span.dead, plan.count = span.count;
    if (plan.count > 0) plan.size = transform_size(*bench_.operations.fft, cuda::convolution_frames(plan.paths->frames, plan.lead, plan.count));
  }
  if (!plan_.empty()) {
    TRY(decide_precision());
    TRY(convolve_all());
  }
  TRY(marks_.mark(bench_, 1));
  for (std::size_t b = 0; b < program_.buses.size(); ++b) TRY(finish_bus(b));
  return marks_.mark(bench_, 2);
}

Result<void> ReverbsAndBuses::count_times() const {
  std::int64_t convolved = 0, summed = 0;
  for (std::size_t r = 0; r < plan_.size(); ++r)
    convolved += frames_of(sends_[r]) * static_cast<Frames>(sends_[r].rows.size()) + frames_of(reverbs_[r]) * static_cast<Frames>(reverbs_[r].rows.size());
  for (const Node& bus : buses_) summed += frames_of(bus) * static_cast<Frames>(bus.rows.size());
  if (!plan_.empty()) TRY(marks_.count(bench_, 0, 1, Stage::convolve, 4 * convolved));
  return marks_.count(bench_, 1, 2, Stage::sum, 4 * summed);
}

/// How loud every reverb comes out over its transform, from what its sends hold: as kernels::convolved_mean_square() says, a transform for a
/// block pair. Waits for the stream.
Result<void> ReverbsAndBuses::decide_precision() {
  std::vector<cuda::EnergyRow> rows;
  Frames longest = 0;
  for (const Node& send : sends_) longest = std::max(longest, frames_of(send));
  const auto pieces = static_cast<std::size_t>((longest + cuda::kEnergyPiece - 1) / cuda::kEnergyPiece);
  std::size_t count = 0;
  for (const Node& send : sends_) count += send.rows.size();
  TRY_ASSIGN(void* const memory, bench_.take(count * pieces * sizeof(double)));
  for (std::size_t r = 0; r < sends_.size(); ++r)
    for (const float* row : sends_[r].rows)
      rows.push_back({row, std::min(frames_of(sends_[r]), plan_[r].lead + plan_[r].count), static_cast<double*>(memory) + rows.size() * pieces});
  TRY_ASSIGN(cuda::EnergyRow* const table, bench_.put(rows));
  bench_.operations.energies({table, static_cast<int>(rows.size()), longest}, bench_.stream.get());
  std::vector<double> sums(rows.size() * pieces);
  TRY(bench_.staging.download(sums.data(), memory, sums.size() * sizeof(double)));
  std::size_t row = 0;
  for (std::size_t r = 0; r < sends_.size(); ++r) {
    const IrPaths& paths = *plan_[r].paths;
    std::vector<double> energies;
    for (std::size_t i = 0; i < sends_[r].rows.size(); ++i, ++row)
      energies.push_back(std::accumulate(sums.begin() + static_cast<std::ptrdiff_t>(row * pieces), sums.begin() + static_cast<std::ptrdiff_t>((row + 1) * pieces), 0.0));
    if (plan_[r].count == 0) continue;
    const double gain = gain_after(program_, program_.reverbs[r]);
    for (int c = 0; c < paths.outputs; ++c) {
      double energy = 0;
      for (int i = 0; i < paths.inputs; ++i) energy += energies[static_cast<std::size_t>(i)] * paths.energies[static_cast<std::size_t>(i * paths.outputs + c)];
      if (!(energy / static_cast<double>(plan_[r].size) * gain * gain <= kernels::kFloat32MeanSquare)) plan_[r].in_double = true;
    }
  }
  return {};
}

Result<void> ReverbsAndBuses::convolve_all() {
  // One set of buffers for all: what is on the stream runs in order.
  std::size_t signal_bytes = 0, spectra_bytes = 0, product_bytes = 0, work_bytes = 0;
  for (const Plan& plan : plan_) {
    if (plan.count == 0) continue;
    const std::size_t real = plan.in_double ? sizeof(double) : sizeof(float), row = (static_cast<std::size_t>(plan.size) + 2) * real;
    const std::pair key{plan.size, plan.in_double};
    if (!lent_.contains(key)) {
      TRY_ASSIGN(FftPlans::Lent lent, plans_.lend(plan.size, plan.in_double));
      lent_.emplace(key, std::move(lent));
    }
    signal_bytes = std::max(signal_bytes, row), product_bytes = std::max(product_bytes, row);
    spectra_bytes = std::max(spectra_bytes, row * static_cast<std::size_t>(plan.paths->inputs));
    work_bytes = std::max(work_bytes, lent_.at(key)->work_bytes);
  }
  TRY_ASSIGN(void* const signal, bench_.take(signal_bytes));
  TRY_ASSIGN(void* const spectra, bench_.take(spectra_bytes));
  TRY_ASSIGN(void* const product, bench_.take(product_bytes));
  TRY_ASSIGN(void* const work, bench_.take(work_bytes));
  for (const auto& [key, lent] : lent_)
    if (!bench_.operations.fft->use_work(lent->handle, work)) return fail(Errc::backend_not_built, "the device's transform takes no work area");
  for (std::size_t r = 0; r < plan_.size(); ++r) TRY(convolve(r, signal, static_cast<std::byte*>(spectra), product));
  return {};
}

Result<void> ReverbsAndBuses::convolve(std::size_t index, void* signal, std::byte* spectra, void* product) {
  TRY(bench_.check_cancelled());
  const program::Reverb& reverb = program_.reverbs[index];
  const Plan& plan = plan_[index];
  const IrPaths& paths = *plan.paths;
  const kernels::ProfilerRange range(bench_.device, "convolve");
  Node& out = reverbs_.emplace_back();
  out.from = reverb.output_from;
  out.channels = paths.live;
  const auto frames = static_cast<std::size_t>(frames_of(out));
  TRY_ASSIGN(void* const wet, bench_.take(out.channels.size() * frames * sizeof(float)));
  for (std::size_t k = 0; k < out.channels.size(); ++k) out.rows.push_back(static_cast<float*>(wet) + k * frames);
  if (plan.dead > 0)
    for (float* const row : out.rows) TRY(bench_.stream.fill(row, 0, static_cast<std::size_t>(plan.dead) * sizeof(float)));
  if (plan.count > 0 && !out.rows.empty()) {
    const cuda::FftOperations& fft = *bench_.operations.fft;
    const auto failed = [&] { return fail(Errc::backend_not_built, "the device's transform of {} frames failed", plan.size); };
    void* const handle = lent_.at({plan.size, plan.in_double})->handle;
    const std::size_t row_bytes = (static_cast<std::size_t>(plan.size) + 2) * (plan.in_double ? sizeof(double) : sizeof(float));
    TRY_ASSIGN(Residents::Held responses, irs_.spectra(bench_, program_.sources[reverb.ir].digest, paths, plan.size, plan.in_double, handle, signal));
    const auto* const response = responses->memory.as<std::byte>();
    bench_.held.push_back(std::move(responses));

    std::vector<cuda::Placed> placed;
    for (const float* const row : sends_[index].rows) placed.push_back({row, plan.lead + plan.count, signal});
    TRY_ASSIGN(cuda::Placed* const placed_table, bench_.put(placed));
    for (std::size_t i = 0; i < placed.size(); ++i) {
      bench_.operations.place({placed_table + i, 1, plan.size, 1.0, plan.in_double}, bench_.stream.get());
      if (!fft.forward(handle, signal, spectra + i * row_bytes, bench_.stream.get())) return failed();
    }
    std::vector<const void*> factors;  // of all sums: inputs, then as many responses
    std::vector<std::size_t> first;
    std::vector<const void*> second;
    for (const int c : out.channels) {
      first.push_back(factors.size());
      for (int i = 0; i < paths.inputs; ++i)
        if (const int place = paths.place[static_cast<std::size_t>(i * paths.outputs + c)]; place >= 0) {
          factors.push_back(spectra + static_cast<std::size_t>(i) * row_bytes);
          second.push_back(response + static_cast<std::size_t>(place) * row_bytes);
        }
    }
    first.push_back(factors.size());
    const std::size_t pairs = factors.size();
    factors.insert(factors.end(), second.begin(), second.end());
    TRY_ASSIGN(const void** const factor_table, bench_.put(factors));
    std::vector<cuda::SpectralSum> sums;
    std::vector<cuda::Taken> taken;
    for (std::size_t k = 0; k < out.rows.size(); ++k) {
      sums.push_back({factor_table + first[k], factor_table + pairs + first[k], static_cast<int>(first[k + 1] - first[k]), product});
      taken.push_back({signal, out.rows[k] + plan.dead});
    }
    TRY_ASSIGN(cuda::SpectralSum* const sum_table, bench_.put(sums));
    TRY_ASSIGN(cuda::Taken* const taken_table, bench_.put(taken));
    for (std::size_t k = 0; k < out.rows.size(); ++k) {
      bench_.operations.multiply_spectra({sum_table + k, 1, plan.size, plan.in_double}, bench_.stream.get());
      if (!fft.inverse(handle, product, signal, bench_.stream.get())) return failed();
      bench_.operations.take({taken_table + k, 1, plan.lead, plan.count, plan.in_double}, bench_.stream.get());
    }
  }
  TRY(equalise(reverb.eq, out));
  TRY_ASSIGN(out.gain, apply_level(reverb.gain_db, out));
  return {};
}

/// Adds reverbs and child buses to what the tracks brought, then EQ and fader.
Result<void> ReverbsAndBuses::finish_bus(std::size_t index) {
  TRY(bench_.check_cancelled());
  const program::Bus& bus = program_.buses[index];
  Node& sum = buses_[index];
  struct Input { const Node* from; Matrix matrix; };
  std::vector<Input> inputs;
  for (std::size_t r = 0; r < program_.reverbs.size(); ++r)
    if (program_.reverbs[r].bus == index) inputs.push_back({&reverbs_[r], conversion_matrix(program_.reverbs[r].layout, bus.layout)});
  for (std::size_t b = 0; b < index; ++b)
    if (program_.buses[b].parent == index) inputs.push_back({&buses_[b], conversion_matrix(program_.buses[b].layout, bus.layout)});
  const Frames frames = frames_of(sum);
  const kernels::ProfilerRange range(bench_.device, "sum");
  for (std::size_t c = 0; c < sum.rows.size(); ++c) {
    std::vector<cuda::MixLane> lanes = {{sum.rows[c], nullptr, 0, frames}};
    std::vector<double> coefs = {1.0};
    for (const Input& input : inputs)
      for (std::size_t k = 0; k < input.from->rows.size(); ++k)
        if (const double gain = input.matrix.at(static_cast<int>(c), input.from->channels[k]) * input.from->gain; gain != 0) {
          lanes.push_back({input.from->rows[k] + (bus.from - input.from->from), nullptr, 0, frames});
          coefs.push_back(gain);
        }
    if (lanes.size() == 1) continue;
    cuda::MixArgs args;
    args.lane_count = static_cast<int>(lanes.size());
    args.outs = 1;
    args.n = frames;
    TRY_ASSIGN(args.lanes, bench_.put(lanes));
    TRY_ASSIGN(args.coefs, bench_.put(coefs));
    TRY_ASSIGN(args.out, bench_.put(std::vector<float*>{sum.rows[c]}));
    bench_.operations.mix(args, bench_.stream.get());
  }
  TRY(equalise(bus.eq, sum));
  TRY_ASSIGN(const double gain, apply_level(bus.gain_db, sum));
  return apply_gain(sum, gain, nullptr);
}

Result<void> ReverbsAndBuses::equalise(const std::vector<program::Band>& bands, Node& node) {
  const EqSignal signal{&bands, node.rows};
  return gpu::equalise(bench_, std::span(&signal, 1), program_.sample_rate, node.from, frames_of(node));
}

Result<double> ReverbsAndBuses::apply_level(const mix::Automation& db, Node& node) {
  const kernels::GainCurve curve(db);
  if (curve.is_constant()) return curve.constant_linear();
  const Frames frames = frames_of(node);
  TRY_ASSIGN(void* const gain, bench_.take(static_cast<std::size_t>(frames) * sizeof(double)));
  const std::vector<cuda::Line> lines = kernels::lines_of(db, node.from, program_.length);
  cuda::GainRow row;
  TRY_ASSIGN(row.lines, bench_.put(lines));
  row.line_count = static_cast<int>(lines.size());
  row.gain = static_cast<double*>(gain);
  TRY_ASSIGN(cuda::GainRow* const table, bench_.put(std::vector<cuda::GainRow>{row}));
  bench_.operations.gain_rows({table, 1, node.from, frames}, bench_.stream.get());
  TRY(apply_gain(node, 1.0, row.gain));
  return 1.0;
}

Result<void> ReverbsAndBuses::apply_gain(Node& node, double gain, const double* curve) {
  if (node.rows.empty() || (gain == 1.0 && curve == nullptr)) return {};
  std::vector<cuda::GainedRow> rows;
  for (float* const row : node.rows) rows.push_back({row, gain, curve});
  TRY_ASSIGN(cuda::GainedRow* const table, bench_.put(rows));
  bench_.operations.apply_gains({table, static_cast<int>(rows.size()), frames_of(node)}, bench_.stream.get());
  return {};
}

}  // namespace dubfarm::worker::gpu
