#include "worker/levelled_sum.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "kernels/mix/mix.hpp"

namespace dubfarm::worker {
namespace {

constexpr Frames kFeed = 8192;  // frames fed to the limiter at a time; a print asks for no more

}  // namespace

LimiterFigures limiter_figures(const double* gain, Frames count) {
  LimiterFigures figures;
  double least = 1;
  for (Frames i = 0; i < count; ++i) {
    least = std::min(least, gain[i]);
    figures.limited_frames += gain[i] < 1 ? 1 : 0;
  }
  if (least < 1) figures.max_reduction_db = -20 * std::log10(least);
  return figures;
}

LimiterFigures merged(const LimiterFigures& a, const LimiterFigures& b) {
  return {std::max(a.max_reduction_db, b.max_reduction_db), a.limited_frames + b.limited_frames};
}

LevelledSum::LevelledSum(const Store& store, SegmentCache* segments, const std::vector<PrintStem>& stems, int channels, const Levelling& levelling, Frames first, Frames end)
    : store_(store), segments_(segments), stems_(stems), channels_(channels), levelling_(levelling), at_(first), end_(end),
      gain_(levelling.gain_linear != nullptr ? *levelling.gain_linear : 1.0) {
  if (!levelling.limiter) return;
  key_channels_ = is_own_key() ? channels : channel_count(levelling.key_layout);
  curve_.emplace(*levelling.limiter, key_channels_);
  line_.assign(static_cast<std::size_t>(key_channels_), std::vector<double>(static_cast<std::size_t>(curve_->delay() + kFeed), 0.0));
  gains_.resize(kFeed);
}

LostBlobs& LevelledSum::lost() {
  LostBlobs& all = inputs_.lost();
  all.keys.insert(all.keys.end(), key_inputs_.lost().keys.begin(), key_inputs_.lost().keys.end());
  key_inputs_.lost().keys.clear();
  return all;
}

Result<void> LevelledSum::open() {
  if (!curve_ || !is_own_key()) TRY(inputs_.open(store_, segments_, stems_, at_, end_));
  if (!curve_) return {};
  fed_ = std::max<Frames>(0, at_ - curve_->settle_frames());
  TRY(key_inputs_.open(store_, segments_, is_own_key() ? stems_ : levelling_.key, fed_, end_ + curve_->delay()));
  for (const Frames ready = at_ + curve_->delay(); fed_ < ready && lost().keys.empty();) {
    const Frames count = std::min(kFeed, ready - fed_);
    TRY(feed(count));
    move_on(count);
  }
  return {};
}

/// Sums and feeds the next frames. Then the first `count` frames of line_ are those that gains_ is for.
Result<bool> LevelledSum::feed(Frames count) {
  std::vector<double*> into;
  for (auto& channel : line_) into.push_back(channel.data() + curve_->delay());
  TRY(key_inputs_.sum(store_, gain_, fed_, count, key_channels_, into.data()));
  fed_ += count;
  return curve_->advance(into.data(), count, gains_.data());
}

void LevelledSum::move_on(Frames count) {
  for (auto& channel : line_) std::copy_n(channel.begin() + count, curve_->delay(), channel.begin());
}

Result<void> LevelledSum::next(Frames count, double* const* out, bool is_delivered) {
  if (!curve_) {
    TRY(inputs_.sum(store_, gain_, at_, count, channels_, out));
    at_ += count;
    return {};
  }
  for (Frames done = 0; done < count;) {
    const Frames n = std::min(kFeed, count - done);
    TRY_ASSIGN(is_limited_, feed(n));
    std::vector<double*> to;
    for (int c = 0; c < channels_; ++c) to.push_back(out[c] + done);
    if (is_own_key())
      for (int c = 0; c < channels_; ++c) std::copy_n(line_[static_cast<std::size_t>(c)].begin(), n, to[static_cast<std::size_t>(c)]);
    else TRY(inputs_.sum(store_, gain_, at_, n, channels_, to.data()));
    if (is_limited_) {
      for (double* channel : to) kernels::multiply(channel, gains_.data(), n);
      if (is_delivered) figures_ = merged(figures_, limiter_figures(gains_.data(), n));
    }
    move_on(n);
    at_ += n;
    done += n;
  }
  return {};
}

bool LevelledSum::has_speech() const { return inputs_.has_speech() || (is_own_key() && key_inputs_.has_speech()); }

Result<void> LevelledSum::speech(Frames count, double* const* out) {
  assert(count <= kFeed);  // of which gains_ is
  TRY((curve_ && is_own_key() ? key_inputs_ : inputs_).sum(store_, gain_, at_ - count, count, channels_, out, true));
  for (int c = 0; is_limited_ && c < channels_; ++c) kernels::multiply(out[c], gains_.data(), count);
  return {};
}

}  // namespace dubfarm::worker
