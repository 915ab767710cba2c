#include "worker/track_voices.hpp"

#include <algorithm>

#include "kernels/clip/clip.hpp"
#include "kernels/mix/mix.hpp"

namespace dubfarm::worker {
namespace {

bool is_static(const program::Band& band) { return band.freq_hz.is_constant() && band.q.is_constant() && band.gain_db.is_constant(); }

kernels::FadeShape fade_shape(const program::Fade& fade) { return {fade.length, fade.phase, fade.curve}; }

}  // namespace

TrackVoices::TrackVoices(std::span<const Part> parts, const Sources& sources)
    : parts_(parts.begin(), parts.end()), sources_(sources), slices_of_(parts.size(), 0) {
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    length_ = std::max(length_, parts_[p].program->length);
    for (const program::Track& track : parts_[p].program->tracks) add_voice(p, track);
  }
  for (Group& group : groups_) {
    group.first_lane = lane_count_;
    lane_count_ += group.lanes;
    prepare(group);
  }
  lanes_.reserve(static_cast<std::size_t>((lane_count_ + kMaxChannels) * kReadBlock));
  curves_.reserve(static_cast<std::size_t>((slots_ + 1) * kRenderBlock));
}

void TrackVoices::prepare(Group& group) {
  std::size_t bands = 0;
  for (Slice& slice : group.slices) {
    ++slices_of_[slice.part];
    for (const Voice& voice : slice.voices) {
      bands = std::max(bands, voice.track->eq.size());
      slice.moves |= !voice.moving.empty();
    }
    const SumLayout& layout = *parts_[slice.part].layout;
    const auto row = [&](int sum) { return slice.coefs.begin() + sum * slice.lanes; };
    for (int sum = 0, rows = 0; sum < layout.sums; ++sum) {
      int same = sum < layout.bus_sums ? 0 : layout.bus_sums;
      while (same < sum && !std::equal(row(sum), row(sum + 1), row(same))) ++same;
      slice.row_of.push_back(same < sum ? slice.row_of[static_cast<std::size_t>(same)] : rows++);
      if (same == sum) slice.distinct.insert(slice.distinct.end(), row(sum), row(sum + 1));
      if (sum + 1 == layout.bus_sums) slice.bus_rows = rows;
    }
  }
  if (group.chain || bands == 0) return;
  group.bank = std::make_unique<kernels::EqBank>(group.lanes, static_cast<int>(bands));
  int lane = 0;
  for (const Slice& slice : group.slices)
    for (const Voice& voice : slice.voices)
      for (int c = 0; c < voice.channels; ++c, ++lane)
        for (std::size_t b = 0; b < voice.track->eq.size(); ++b) {
          const program::Band& band = voice.track->eq[b];
          const SvfCoeffs coeffs = design_svf(band.type, band.freq_hz.constant, band.q.constant, band.gain_db.constant, voice.program->sample_rate);
          group.bank->set(lane, static_cast<int>(b), kernels::step_from(coeffs));
        }
}

void TrackVoices::add_voice(std::size_t part, const program::Track& track) {
  const program::Program& program = *parts_[part].program;
  const SumLayout& layout = *parts_[part].layout;
  const int channels = channel_count(track.layout);
  const bool has_static_eq = std::all_of(track.eq.begin(), track.eq.end(), is_static);
  if (groups_.empty() || groups_.back().chain || !has_static_eq || groups_.back().lanes + channels > kernels::EqBank::kMaxLanes) groups_.emplace_back();
  Group& group = groups_.back();
  if (!has_static_eq) {
    group.chain = std::make_unique<kernels::EqChain>(channels, program.sample_rate);
    for (const program::Band& band : track.eq) group.chain->add(band.type, band.freq_hz, band.q, band.gain_db);
  }
  if (group.slices.empty() || group.slices.back().part != part) group.slices.emplace_back().part = part;
  Slice& slice = group.slices.back();
  Voice voice;
  voice.program = &program;
  voice.track = &track;
  voice.channels = channels;
  voice.begin = track.clips.front().at;
  for (const program::Clip& clip : track.clips) voice.begin = std::min(voice.begin, clip.at);

  TrackRoutes routes(program, track, layout);
  // Two routes from one lane into one accumulator add up: a pan into LFE and lfe_db cannot meet, but two sends to one reverb can.
  const int first_lane = slice.lanes;
  slice.lanes += channels;
  group.lanes += channels;
  std::vector<double> coefs(static_cast<std::size_t>(layout.sums * slice.lanes), 0.0);
  for (int s = 0; s < layout.sums; ++s)
    for (int l = 0; l < first_lane; ++l)
      coefs[static_cast<std::size_t>(s * slice.lanes + l)] = slice.coefs[static_cast<std::size_t>(s * first_lane + l)];
  for (const TrackRoutes::Route& r : routes.still) coefs[static_cast<std::size_t>(r.sum * slice.lanes + first_lane + r.lane)] += r.coef;
  slice.coefs = std::move(coefs);
  slots_ = std::max(slots_, routes.slots);
  voice.levels = std::move(routes.levels);
  voice.pans = std::move(routes.pans);
  voice.moving = std::move(routes.moving);
  slice.voices.push_back(std::move(voice));
}

Result<void> TrackVoices::read_voice(const Voice& voice, Frames first, Frames n, float* const* x, SourceScratch& scratch) {
  const auto channels = static_cast<std::size_t>(voice.channels);
  bool is_silent = true;  // x holds nothing yet
  int source_channels[kMaxChannels];
  for (const program::Clip& clip : voice.track->clips) {
    const Frames begin = std::max(first, clip.at), end = std::min(first + n, clip.at + clip.length);
    if (begin >= end) continue;
    const kernels::ClipShape shape{clip.gain_linear, fade_shape(clip.fade_in), fade_shape(clip.fade_out), fade_shape(clip.join_in),
                                   fade_shape(clip.join_out)};
    const Frames from = begin - clip.at, count = end - begin;
    const media::Digest& digest = voice.program->sources[clip.source].digest;
    for (std::size_t c = 0; c < channels; ++c) source_channels[c] = clip.channels[c];
    const std::span<const int> wanted(source_channels, channels);
    const auto is_past = [&](const kernels::FadeShape& in) { return in.phase + from >= in.length; };
    const auto is_ahead = [&](const kernels::FadeShape& out) { return out.length == 0 || out.phase - (from + count - 1) >= out.length; };
    const bool is_plain = is_past(shape.fade_in) && is_past(shape.join_in) && is_ahead(shape.fade_out) && is_ahead(shape.join_out);
    if (is_silent && is_plain && count == n) {  // the usual case: in the middle of one clip
      TRY(sources_.read(digest, clip.in + from, n, wanted, std::span(x, channels), scratch));
      for (std::size_t c = 0; c < channels; ++c) kernels::apply_gain(x[c], shape.gain, n);
      is_silent = false;
      continue;
    }
    if (is_silent)
      for (std::size_t c = 0; c < channels; ++c) std::fill_n(x[c], n, 0.0f);
    is_silent = false;
    float* samples[kMaxChannels];
    for (int c = 0; c < voice.channels; ++c) samples[c] = lane(lane_count_ + c);
    TRY(sources_.read(digest, clip.in + from, count, wanted, std::span(samples, channels), scratch));
    for (std::size_t c = 0; c < channels; ++c) kernels::add_clip(shape, from, count, samples[c], x[c] + (begin - first));
  }
  if (is_silent)
    for (std::size_t c = 0; c < channels; ++c) std::fill_n(x[c], n, 0.0f);
  return {};
}

Result<void> TrackVoices::read_ahead(Frames first, Frames n, SourceScratch& scratch) {
  for (const Group& group : groups_) {
    int at = group.first_lane;
    for (const Slice& slice : group.slices)
      for (const Voice& voice : slice.voices) {
        float* channels[kMaxChannels];
        for (int c = 0; c < voice.channels; ++c) channels[c] = lane(at++);
        if (voice.sounds(first, n)) TRY(read_voice(voice, first, n, channels, scratch));
      }
  }
  read_from_ = first;
  read_until_ = first + n;
  return {};
}

void TrackVoices::mix_slice(const Slice& slice, Frames first, Frames n, float* const* x, int first_sum, double* const* sums) {
  const int outs = parts_[slice.part].layout->sums - first_sum;
  double* const curves = curves_.reserve(0);
  const auto curve = [&](int slot) { return curves + static_cast<Frames>(slot) * kRenderBlock; };

  if (!slice.moves && std::all_of(is_active_.begin(), is_active_.end(), [](bool a) { return a; })) {
    kernels::mix_add(x, slice.lanes, slice.coefs.data() + first_sum * slice.lanes, outs, n, sums + first_sum);
    return;
  }
  int lane = 0;
  for (std::size_t v = 0; v < slice.voices.size(); lane += slice.voices[v].channels, ++v) {
    if (!is_active_[v]) continue;
    const Voice& voice = slice.voices[v];
    for (int s = 0; s < outs; ++s)
      for (int c = 0; c < voice.channels; ++c) {
        const double coef = slice.coefs[static_cast<std::size_t>((first_sum + s) * slice.lanes + lane + c)];
        kernels::mix_add_scaled(x[lane + c], coef, n, sums[first_sum + s]);
      }
    if (voice.moving.empty()) continue;
    for (const TrackRoutes::Level& level : voice.levels) level.curve.evaluate(first, n, curve(level.slot));
    for (const TrackRoutes::Pan& pan : voice.pans) {
      std::vector<double*> gains;
      for (const int slot : pan.slots) gains.push_back(curve(slot));
      pan.curve.evaluate(first, n, gains.data());
    }
    for (const TrackRoutes::Route& route : voice.moving) {
      if (route.sum < first_sum) continue;
      const double* gain = curve(route.curves.front());
      if (route.curves.size() > 1) {
        double* const product = curve(slots_);
        std::copy_n(gain, n, product);
        for (std::size_t k = 1; k < route.curves.size(); ++k) kernels::multiply(product, curve(route.curves[k]), n);
        gain = product;
      }
      kernels::mix_add_curve(x[lane + route.lane], gain, route.coef, n, sums[route.sum]);
    }
  }
}

void TrackVoices::store_slice(const Slice& slice, Frames n, float* const* x, bool dry, float* const* stored) {
  const int rows = static_cast<int>(slice.distinct.size()) / slice.lanes, first_row = dry ? 0 : slice.bus_rows;
  std::vector<float*> to(static_cast<std::size_t>(rows), nullptr);  // the first accumulator of each row; the others are copies
  for (std::size_t sum = slice.row_of.size(); sum-- > 0;) to[static_cast<std::size_t>(slice.row_of[sum])] = stored[sum];
  kernels::mix_store(x, slice.lanes, slice.distinct.data() + first_row * slice.lanes, rows - first_row, n, to.data() + first_row);
  for (std::size_t sum = 0; sum < slice.row_of.size(); ++sum) {
    const int row = slice.row_of[sum];
    if (row >= first_row && stored[sum] != to[static_cast<std::size_t>(row)]) std::copy_n(to[static_cast<std::size_t>(row)], n, stored[sum]);
  }
}

Result<void> TrackVoices::sum_block(Frames first, Frames n, std::span<Target> targets, SourceScratch& scratch) {
  if (first >= read_until_ || first < read_from_) TRY(read_ahead(first, std::min(kReadBlock, length_ - first), scratch));
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    targets[p].is_stored = false;
    if (slices_of_[p] == 1 && targets[p].stored != nullptr) continue;  // perhaps no accumulator is needed
    for (int s = 0; s < parts_[p].layout->sums; ++s) std::fill_n(targets[p].sums[s], n, 0.0);
  }
  for (Group& group : groups_) {
    float* x[kernels::EqBank::kMaxLanes];
    int at = 0;
    bool is_heard = false;
    for (const Slice& slice : group.slices)
      for (const Voice& voice : slice.voices) {
        const bool sounds = voice.sounds(first, n);
        is_heard |= sounds;
        for (int c = 0; c < voice.channels; ++c, ++at) x[at] = sounds ? lane(group.first_lane + at) + (first - read_from_) : nullptr;
      }
    if (is_heard && group.chain) group.chain->process(x, first, n);
    else if (is_heard && group.bank) group.bank->process(x, n);
    at = 0;
    for (const Slice& slice : group.slices) {
      float* const* const lanes = x + at;
      at += slice.lanes;
      if (first >= parts_[slice.part].program->length) continue;
      Target& target = targets[slice.part];
      is_active_.clear();
      for (const Voice& voice : slice.voices) is_active_.push_back(voice.sounds(first, n));
      const bool alone = slices_of_[slice.part] == 1 && target.stored != nullptr;
      const Frames count = std::min(n, parts_[slice.part].program->length - first);
      if (alone && !slice.moves && std::all_of(is_active_.begin(), is_active_.end(), [](bool a) { return a; })) {
        store_slice(slice, count, lanes, target.dry, target.stored);
        target.is_stored = true;
        continue;
      }
      if (alone)
        for (int s = 0; s < parts_[slice.part].layout->sums; ++s) std::fill_n(target.sums[s], n, 0.0);
      mix_slice(slice, first, count, lanes, target.dry ? 0 : parts_[slice.part].layout->bus_sums, target.sums);
    }
  }
  return {};
}

}  // namespace dubfarm::worker
