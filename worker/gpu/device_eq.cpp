#include "worker/gpu/device_eq.hpp"

#include "kernels/core/svf.hpp"
#include "kernels/eq/eq_tables.hpp"

namespace dubfarm::worker::gpu {

namespace cuda = kernels::cuda;

Result<void> equalise(Workbench& bench, std::span<const EqSignal> signals, double sample_rate, Frames first, Frames frames) {
  std::vector<cuda::EqLane> lanes;
  std::vector<double> steps;
  std::vector<std::size_t> lane_step;  // of each entry of `lanes`, its first among `steps`
  std::vector<cuda::EqChainRun> chains;
  std::vector<cuda::EqStage> stages;
  std::vector<cuda::EqRamp> ramps;
  std::vector<std::size_t> chain_stage, stage_step, stage_ramp;
  std::vector<int> stage_channels;
  constexpr auto kNone = static_cast<std::size_t>(-1);
  for (const EqSignal& signal : signals) {
    const int channels = static_cast<int>(signal.rows.size());
    if (channels == 0) continue;
    std::vector<kernels::eq::StageTable> bands;
    bool moves = false;
    for (const program::Band& band : *signal.bands)
      for (kernels::eq::StageTable& table :
           kernels::eq::stage_tables(band.type, band.freq_hz, band.q, band.gain_db, sample_rate, first, first + frames)) {
        moves |= !table.ramps.empty();
        bands.push_back(std::move(table));
      }
    const auto add_step = [&](const kernels::SvfStep& s) {
      const std::size_t at = steps.size();
      for (const double value : {s.a11, s.a12, s.b1, s.a21, s.a22, s.b2, s.c1, s.c2, s.d}) steps.push_back(value);
      return at;
    };
    if (moves) {
      if (bands.size() > cuda::kEqMaxStages)
        return fail(Errc::no_space, "an equaliser has {} bands, some of which move; a device takes {}", bands.size(), cuda::kEqMaxStages);
      cuda::EqChainRun chain;
      chain.channels = channels;
      for (int c = 0; c < channels; ++c) chain.x[c] = signal.rows[static_cast<std::size_t>(c)];
      chain.stage_count = static_cast<int>(bands.size());
      chain.first = first;
      chain.n = frames;
      chain_stage.push_back(stages.size());
      chains.push_back(chain);
      for (const kernels::eq::StageTable& band : bands) {
        cuda::EqStage stage;
        stage.ramp_count = static_cast<int>(band.ramps.size());
        stage_ramp.push_back(band.ramps.empty() ? kNone : ramps.size());
        stage_step.push_back(band.ramps.empty() ? add_step(band.step) : kNone);
        stage_channels.push_back(channels);
        ramps.insert(ramps.end(), band.ramps.begin(), band.ramps.end());
        stages.push_back(stage);
      }
    } else if (!bands.empty()) {
      const std::size_t at = steps.size();
      for (const kernels::eq::StageTable& band : bands) (void)add_step(band.step);
      for (float* const row : signal.rows) {
        lane_step.push_back(at);
        lanes.push_back({row, nullptr, nullptr, static_cast<int>(bands.size())});
      }
    }
  }
  if (!lanes.empty() || !chains.empty()) {
    std::size_t states = 0;
    for (const cuda::EqLane& l : lanes) states += 2 * static_cast<std::size_t>(l.bands);
    for (const int channels : stage_channels) states += 2 * static_cast<std::size_t>(channels);
    TRY_ASSIGN(double* state, bench.put(std::vector<double>(states, 0.0)));
    TRY_ASSIGN(double* const step_table, bench.put(steps));
    TRY_ASSIGN(cuda::EqRamp* const ramp_table, bench.put(ramps));
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      lanes[i].steps = step_table + lane_step[i];
      lanes[i].states = state;
      state += 2 * lanes[i].bands;
    }
    for (std::size_t i = 0; i < stages.size(); ++i) {
      stages[i].step = stage_step[i] == kNone ? nullptr : step_table + stage_step[i];
      stages[i].ramps = stage_ramp[i] == kNone ? nullptr : ramp_table + stage_ramp[i];
      stages[i].states = state;
      state += 2 * stage_channels[i];
    }
    TRY_ASSIGN(cuda::EqStage* const stage_table, bench.put(stages));
    for (std::size_t i = 0; i < chains.size(); ++i) chains[i].stages = stage_table + chain_stage[i];
    const kernels::ProfilerRange range(bench.device, "eq");
    if (!lanes.empty()) {
      TRY_ASSIGN(cuda::EqLane* const table, bench.put(lanes));
      bench.operations.eq({table, static_cast<int>(lanes.size()), frames}, bench.stream.get());
    }
    if (!chains.empty()) {
      TRY_ASSIGN(cuda::EqChainRun* const table, bench.put(chains));
      bench.operations.eq_chains({table, static_cast<int>(chains.size())}, bench.stream.get());
    }
  }
  return {};
}

}  // namespace dubfarm::worker::gpu
