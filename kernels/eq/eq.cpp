#include "kernels/eq/eq.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <optional>

#include "kernels/eq/eq_lanes.hpp"
#include "kernels/eq/varying_band.hpp"

namespace dubfarm::kernels {
namespace eq {

const LaneOps& lane_ops(Isa isa, int lanes) {
  if (isa == Isa::avx512 && lanes <= kTileLanes / 2) isa = Isa::avx2;
  switch (isa) {
    case Isa::generic: return kGenericOps;
    case Isa::avx2: return kAvx2Ops;
    case Isa::avx512: return kAvx512Ops;
  }
  return kGenericOps;
}

namespace {

constexpr int kTiles = EqBank::kMaxLanes / kTileLanes;

TileBand silent_identity() {
  TileBand band{};
  for (int lane = 0; lane < kTileLanes; ++lane) {
    band.step[6][lane] = band.step[7][lane] = SvfStep{}.c1;
    band.step[8][lane] = SvfStep{}.d;
  }
  return band;
}

void set_lane(TileBand& band, int lane, const SvfStep& s) {
  const std::array<double, kSvfStepValues> values = {s.a11, s.a12, s.b1, s.a21, s.a22, s.b2, s.c1, s.c2, s.d};
  for (std::size_t j = 0; j < values.size(); ++j) band.step[j][lane] = values[j];
}

int lanes_of_tile(int lanes, int tile) { return std::min(kTileLanes, lanes - tile * kTileLanes); }

}  // namespace
}  // namespace eq

using namespace eq;

struct EqBank::Body {
  int lanes, bands;
  std::vector<TileBand> tiles[kTiles];  // [tile][band]
};

EqBank::EqBank(int lanes, int bands) : body_(std::make_unique<Body>()) {
  assert(lanes >= 1 && lanes <= kMaxLanes && bands >= 0);
  body_->lanes = lanes, body_->bands = bands;
  for (int t = 0; t * kTileLanes < lanes; ++t) body_->tiles[t].assign(static_cast<std::size_t>(bands), silent_identity());
}
EqBank::~EqBank() = default;
EqBank::EqBank(EqBank&&) noexcept = default;
EqBank& EqBank::operator=(EqBank&&) noexcept = default;

void EqBank::set(int lane, int band, const SvfStep& step) {
  assert(lane >= 0 && lane < body_->lanes && band >= 0 && band < body_->bands);
  set_lane(body_->tiles[lane / kTileLanes][static_cast<std::size_t>(band)], lane % kTileLanes, step);
}

void EqBank::reset() {
  for (auto& tile : body_->tiles)
    for (TileBand& band : tile) std::memset(band.state, 0, sizeof(band.state));
}

void EqBank::process(float* const* x, Frames n, Isa isa) {
  if (body_->bands == 0) return;
  for (int t = 0; t * kTileLanes < body_->lanes; ++t) {
    const int lanes = lanes_of_tile(body_->lanes, t);
    const LaneOps& ops = lane_ops(isa, lanes);
    for (Frames from = 0; from < n; from += kBlock)
      ops.filter(body_->tiles[t].data(), body_->bands, lanes, from, static_cast<int>(std::min<Frames>(kBlock, n - from)), x + t * kTileLanes);
  }
}

namespace {

/// Some static bands in a row, or one automated band.
struct Stage {
  std::optional<VaryingBand> varying;
  std::vector<TileBand> bands[kTiles];
  TileState states[kTiles] = {};
};

}  // namespace

struct EqChain::Body {
  int channels;
  double sample_rate;
  std::vector<Stage> stages;
};

EqChain::EqChain(int channels, double sample_rate) : body_(std::make_unique<Body>(Body{channels, sample_rate, {}})) {
  assert(channels >= 1 && channels <= EqBank::kMaxLanes);
}
EqChain::~EqChain() = default;
EqChain::EqChain(EqChain&&) noexcept = default;
EqChain& EqChain::operator=(EqChain&&) noexcept = default;

void EqChain::add(mix::FilterType type, const mix::Automation& freq_hz, const mix::Automation& q, const mix::Automation& gain_db) {
  if (passes_audio(type, gain_db)) return;
  std::vector<Stage>& stages = body_->stages;
  if (!freq_hz.is_constant() || !q.is_constant() || !gain_db.is_constant()) {
    stages.emplace_back().varying.emplace(type, freq_hz, q, gain_db, body_->sample_rate);
    return;
  }
  if (stages.empty() || stages.back().varying) stages.emplace_back();
  const SvfStep step = step_from(design_svf(type, freq_hz.constant, q.constant, gain_db.constant, body_->sample_rate));
  for (int t = 0; t * kTileLanes < body_->channels; ++t) {
    TileBand& band = stages.back().bands[t].emplace_back(silent_identity());
    for (int lane = 0; lane < lanes_of_tile(body_->channels, t); ++lane) set_lane(band, lane, step);
  }
}

bool EqChain::empty() const { return body_->stages.empty(); }

void EqChain::reset() {
  for (Stage& stage : body_->stages) {
    for (auto& tile : stage.bands)
      for (TileBand& band : tile) std::memset(band.state, 0, sizeof(band.state));
    std::memset(stage.states, 0, sizeof(stage.states));
  }
}

void EqChain::process(float* const* x, Frames first, Frames n, Isa isa) {
  if (empty()) return;
  const LaneOps& ops = lane_ops(isa, body_->channels);
  alignas(64) double tiles[kTiles][kBlock * kTileLanes];
  StepBlock steps;
  for (Frames from = 0; from < n; from += kBlock) {
    const int count = static_cast<int>(std::min<Frames>(kBlock, n - from));
    const int channels = body_->channels;
    for (int t = 0; t * kTileLanes < channels; ++t) ops.load(x + t * kTileLanes, lanes_of_tile(channels, t), from, count, tiles[t]);
    for (Stage& stage : body_->stages) {
      if (stage.varying) stage.varying->steps(first + from, count, ops, steps);
      for (int t = 0; t * kTileLanes < channels; ++t) {
        const int lanes = lanes_of_tile(channels, t);
        if (stage.varying) ops.run_varying(steps, stage.states[t], lanes, count, tiles[t]);
        else ops.run_static(stage.bands[t].data(), static_cast<int>(stage.bands[t].size()), lanes, count, tiles[t]);
      }
    }
    for (int t = 0; t * kTileLanes < channels; ++t) ops.store(tiles[t], lanes_of_tile(channels, t), from, count, x + t * kTileLanes);
  }
}

}  // namespace dubfarm::kernels
