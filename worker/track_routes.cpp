#include "worker/track_routes.hpp"

#include "common/layout.hpp"

namespace dubfarm::worker {

int inputs_of(const program::Reverb& reverb) { return reverb.input == mix::ReverbInput::mono ? 1 : 2; }

SumLayout::SumLayout(const program::Program& program) {
  for (const program::Bus& bus : program.buses) {
    bus_first.push_back(sums);
    sums += channel_count(bus.layout);
  }
  bus_sums = sums;
  for (const program::Reverb& reverb : program.reverbs) {
    reverb_first.push_back(sums);
    sums += inputs_of(reverb);
  }
}

TrackRoutes::TrackRoutes(const program::Program& program, const program::Track& track, const SumLayout& layout) {
  // Levels and pans that stand still become factors; those that move become curves.
  struct Factor { double gain; std::vector<int> curves; };
  const auto level = [&](const mix::Automation& db) -> Factor {
    kernels::GainCurve curve(db);
    if (curve.is_constant()) return {curve.constant_linear(), {}};
    levels.push_back({std::move(curve), slots, &db});
    return {1.0, {slots++}};
  };
  const auto times = [](Factor a, const Factor& b) -> Factor {
    a.gain *= b.gain;
    a.curves.insert(a.curves.end(), b.curves.begin(), b.curves.end());
    return a;
  };
  const auto route = [&](int sum, int lane, double coef, const Factor& factor) {
    if (coef * factor.gain == 0) return;
    (factor.curves.empty() ? still : moving).push_back({sum, lane, coef * factor.gain, factor.curves});
  };
  const auto through_matrix = [&](Layout to, int first_sum, const Factor& factor) {
    const Matrix matrix = conversion_matrix(track.layout, to);
    for (int r = 0; r < matrix.rows; ++r)
      for (int c = 0; c < matrix.columns; ++c) route(first_sum + r, c, matrix.at(r, c), factor);
  };
  const auto panned = [&](Layout to, int first_sum, const Factor& factor) {
    kernels::PanCurve pan(to, track.azimuth_deg);
    if (pan.is_constant()) {
      for (int c = 0; c < channel_count(to); ++c) route(first_sum + c, 0, pan.constant_gains()[static_cast<std::size_t>(c)], factor);
      return;
    }
    Pan panning{std::move(pan), {}, to};
    for (const int channel : panning.curve.channels()) {
      panning.slots.push_back(slots);
      route(first_sum + channel, 0, 1.0, times(factor, {1.0, {slots++}}));
    }
    pans.push_back(std::move(panning));
  };
  const auto place = [&](Layout to, int first_sum, const Factor& factor) {
    if (track.layout == Layout::mono) panned(to, first_sum, factor);
    else through_matrix(to, first_sum, factor);
  };

  const Factor fader = level(track.gain_db);
  if (track.bus != program::kNoBus) {
    const Layout bus = program.buses[track.bus].layout;
    const int first = layout.bus_first[track.bus];
    place(bus, first, fader);
    if (track.lfe_db) {
      const Factor lfe = times(fader, level(*track.lfe_db));
      const Matrix mono = conversion_matrix(track.layout, Layout::mono);
      for (int c = 0; c < mono.columns; ++c) route(first + lfe_channel(bus).value(), c, mono.at(0, c), lfe);
    }
  }
  for (const program::Send& send : track.sends) {
    const Factor factor = send.pre_fader ? level(send.gain_db) : times(fader, level(send.gain_db));
    const int first = layout.reverb_first[send.reverb];
    if (program.reverbs[send.reverb].input == mix::ReverbInput::mono) through_matrix(Layout::mono, first, factor);
    else place(Layout::stereo, first, factor);
  }
}

}  // namespace dubfarm::worker
