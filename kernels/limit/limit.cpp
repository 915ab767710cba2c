#include "kernels/limit/limit.hpp"

#include <algorithm>
#include <utility>

#include "kernels/limit/limit_constants.hpp"
#include "kernels/limit/limit_ops.hpp"
#include "kernels/mix/mix.hpp"
#include "kernels/true_peak/true_peak.hpp"

namespace dubfarm::kernels {
namespace {

constexpr int kPasses = 2;
constexpr Frames kBlock = 1024;          // frames worked on at a time
constexpr Frames kTile = 256;            // frames that one look at their largest sample decides on
constexpr Frames kHistory = kTruePeakHistory;

const limit_ops::Ops& ops(Isa isa) {
  return isa == Isa::avx512 ? limit_ops::kAvx512Ops : isa == Isa::avx2 ? limit_ops::kAvx2Ops : limit_ops::kGenericOps;
}

}  // namespace

/// One round of excess, hold, release and smoothing over one signal.
class LimiterCurve::Pass {
 public:
  Pass(const LimiterSettings& settings, int channels, int index, Isa isa)
      : Pass(limiter_constants(settings), settings.lookahead, channels, index, isa) {}

  Pass(LimiterConstants constants, Frames lookahead, int channels, int index, Isa isa)
      : ops_(ops(isa)), lookahead_(lookahead), window_(lookahead + kHistory + 1), slope_(constants.slope), most_(constants.most[index]),
        threshold_(constants.threshold), quiet_(constants.quiet), level_(constants.level), weights_(std::move(constants.weights)) {
    signal_.assign(static_cast<std::size_t>(channels), std::vector<float>(static_cast<std::size_t>(delay() + kHistory + kBlock)));
    excess_.resize(static_cast<std::size_t>(window_ - 1 + kBlock));
    held_.resize(excess_.size());
    released_.resize(static_cast<std::size_t>(lookahead_ + kBlock));
    envelope_.resize(kBlock);
    reduction_.resize(kBlock);
    restart();
  }

  [[nodiscard]] Frames delay() const { return window_ - 1; }
  /// An excess fades within most / slope frames; what is heard of it is the smoothing's length more. Interpolation hears 11 frames.
  [[nodiscard]] Frames settle_frames() const { return kHistory + window_ + most_ / slope_ + 1 + lookahead_; }

  void restart() {
    for (auto& channel : signal_) std::fill(channel.begin(), channel.end(), 0.0f);
    std::fill(excess_.begin(), excess_.end(), 0);
    std::fill(released_.begin(), released_.end(), 0.0);
    last_ = 0;
    idle_ = lookahead_;
    quiet_frames_ = window_ + kBlock;
  }

  /// Where frames [t, t + n) of a channel go, n at most kBlock; call advance() when all are there.
  [[nodiscard]] float* input(int channel) { return signal_[static_cast<std::size_t>(channel)].data() + delay() + kHistory; }
  /// The signal at the frames whose reductions the last advance() gave, before it moves on.
  [[nodiscard]] const float* delayed(int channel) const { return signal_[static_cast<std::size_t>(channel)].data() + kHistory; }

  /// @param may_exceed  false: the caller knows that the frames put in, and the 11 before them, do not
  /// @return the reductions of frames [t - delay(), t - delay() + n), or null: all are zero.
  const std::int32_t* advance(Frames n, bool may_exceed) {
    const bool exceeds = may_exceed && find_excess(n);
    if (!may_exceed) std::fill_n(excess_.data() + window_ - 1, n, 0);
    quiet_frames_ = exceeds ? 0 : std::min(quiet_frames_ + n, window_ + kBlock);
    const bool any_held = quiet_frames_ < window_ - 1 + n;
    const bool any_out = any_held || last_ > 0 || idle_ < lookahead_;
    if (any_out) {
      std::copy_n(excess_.begin(), window_ - 1 + n, held_.begin());
      ops_.hold(held_.data(), n, window_);
      double* d = released_.data() + lookahead_;
      for (Frames i = 0; i < n; ++i) {
        last_ = std::max(held_[static_cast<std::size_t>(i)], last_ - slope_);
        d[i] = static_cast<double>(last_);
        idle_ = last_ > 0 ? 0 : std::min(idle_ + 1, lookahead_);
      }
      ops_.smooth(released_.data(), weights_.data(), lookahead_ + 1, n, reduction_.data());
      std::copy_n(released_.data() + n, lookahead_, released_.data());
    }
    std::copy_n(excess_.data() + n, window_ - 1, excess_.data());
    return any_out ? reduction_.data() : nullptr;
  }
  /// Makes room for the next frames.
  void move_on(Frames n) {
    for (auto& channel : signal_) std::copy_n(channel.data() + n, delay() + kHistory, channel.data());
  }

 private:
  /// q of the new frames. @return whether any is above zero.
  bool find_excess(Frames n) {
    bool exceeds = false;
    for (Frames at = 0; at < n; at += kTile) {
      const Frames count = std::min(kTile, n - at);
      std::int32_t most = 0;
      for (std::size_t c = 0; c < signal_.size(); ++c) most = std::max(most, ops_.largest(input(static_cast<int>(c)) + at - kHistory, count + kHistory));
      std::int32_t* q = excess_.data() + window_ - 1 + at;
      if (most <= quiet_) {
        std::fill_n(q, count, 0);
        continue;
      }
      std::fill_n(envelope_.data(), count, 0);
      for (std::size_t c = 0; c < signal_.size(); ++c) ops_.envelope(input(static_cast<int>(c)) + at, count, envelope_.data());
      if (*std::max_element(envelope_.data(), envelope_.data() + count) <= threshold_) {
        std::fill_n(q, count, 0);
        continue;
      }
      ops_.excess(envelope_.data(), count, threshold_, kUnitsPerOctave, level_, most_, q);
      exceeds = true;
    }
    return exceeds;
  }

  const limit_ops::Ops& ops_;
  Frames lookahead_, window_;
  std::int32_t slope_, most_, threshold_, quiet_;  // thresholds as bits of floats; below quiet_ no interpolated value reaches one
  double level_;
  std::vector<double> weights_;
  std::vector<std::vector<float>> signal_;     // [channels][delay + 11 + kBlock]: 11 before the delayed frames, those, the new ones
  std::vector<std::int32_t> envelope_, excess_, held_, reduction_;
  std::vector<double> released_;               // the last `lookahead` of d, and the new ones
  std::int32_t last_ = 0;
  Frames idle_ = 0;          // frames since d was last above zero, counted to lookahead_
  Frames quiet_frames_ = 0;  // frames since q was last above zero, or fewer
};

LimiterCurve::LimiterCurve(const LimiterSettings& settings, int channels, Isa isa) : channels_(channels), isa_(isa) {
  for (int p = 0; p < kPasses; ++p) passes_.push_back(std::make_unique<Pass>(settings, channels, p, isa));
  gains_.resize(static_cast<std::size_t>(passes_[0]->delay() + kBlock));
  second_gains_.resize(kBlock);
  restart();
}
LimiterCurve::~LimiterCurve() = default;
LimiterCurve::LimiterCurve(LimiterCurve&&) noexcept = default;
LimiterCurve& LimiterCurve::operator=(LimiterCurve&&) noexcept = default;

void LimiterCurve::restart() {
  for (auto& pass : passes_) pass->restart();
  std::fill(gains_.begin(), gains_.end(), 1.0);
  limited_ = 0;
}

bool LimiterCurve::advance(const double* const* x, Frames n, double* gain) {
  Pass &first = *passes_[0], &second = *passes_[1];
  bool any = false;
  for (Frames at = 0; at < n; at += kBlock) {
    const Frames count = std::min(kBlock, n - at), held = first.delay();
    for (int c = 0; c < channels_; ++c) store(x[c] + at, count, first.input(c), isa_);
    const std::int32_t* reduction = first.advance(count, true);
    double* now = gains_.data() + held;  // of the frames that pass on to the second round
    if (reduction) ops(isa_).gain(reduction, -1.0 / kUnitsPerOctave, count, now);
    else std::fill_n(now, count, 1.0);
    for (int c = 0; c < channels_; ++c) {
      if (reduction) ops(isa_).scaled(first.delayed(c), now, count, second.input(c));
      else std::copy_n(first.delayed(c), count, second.input(c));
    }
    first.move_on(count);
    // Where the first round changed nothing within the 11 frames that an interpolated value hears, it had found no excess.
    const std::int32_t* rest = second.advance(count, reduction || limited_ > 0);
    limited_ = reduction ? kHistory : std::max<Frames>(0, limited_ - count);
    second.move_on(count);
    double* out = gain + at;
    std::copy_n(gains_.data(), count, out);
    if (rest) {
      ops(isa_).gain(rest, -1.0 / kUnitsPerOctave, count, second_gains_.data());
      multiply(out, second_gains_.data(), count, isa_);
    }
    std::copy_n(gains_.data() + count, held, gains_.data());
    any |= std::any_of(out, out + count, [](double g) { return g < 1; });
  }
  return any;
}

Frames LimiterCurve::delay() const { return passes_[0]->delay() + passes_[1]->delay(); }
Frames LimiterCurve::settle_frames() const { return passes_[0]->settle_frames() + passes_[1]->settle_frames(); }

}  // namespace dubfarm::kernels
