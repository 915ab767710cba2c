#include "scheduler/plan/stem_programs.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

#include "common/filter/svf_design.hpp"

namespace dubfarm::plan {
namespace {

constexpr Frames kNever = std::numeric_limits<Frames>::max();  // a node that nothing needs

Frames decay_of(const std::vector<mix::EqBand>& eq, int sample_rate) {
  Frames sum = 0;
  for (const mix::EqBand& band : eq) sum += decay_frames(band.type, band.freq_hz, band.q, band.gain_db, sample_rate);
  return sum;
}

/// The points of `a` that decide its values (and its control grid) on [from, until): one at or before `from`, to one at or after `until`.
std::vector<mix::AutomationPoint> points_for(const mix::Automation& a, double add, Frames origin, Frames from, Frames until) {
  auto first = std::upper_bound(a.points.begin(), a.points.end(), from, [](Frames at, const mix::AutomationPoint& p) { return at < p.at; });
  if (first != a.points.begin()) --first;
  auto last = std::lower_bound(a.points.begin(), a.points.end(), until, [](const mix::AutomationPoint& p, Frames at) { return p.at < at; });
  if (last != a.points.end()) ++last;
  std::vector<mix::AutomationPoint> cut;
  for (auto p = first; p != last; ++p) cut.push_back({p->at - origin, p->value + add});
  return cut;
}

bool moves_inside(const mix::Automation& a, Frames from, Frames until) {
  return !a.is_constant() && a.points.front().at < until && a.points.back().at > from;
}

double held_value(const mix::Automation& a, Frames from) {
  return a.is_constant() ? a.constant : a.points.front().at >= from ? a.points.front().value : a.points.back().value;
}

std::vector<program::Band> cut_eq(const std::vector<mix::EqBand>& eq, const mix::TimeMap& time, Frames origin, Frames from, Frames until) {
  std::vector<program::Band> bands;
  for (const mix::EqBand& band : eq) bands.push_back(cut_band(band, time, origin, from, until));
  return bands;
}

/// Puts `next` behind `whole`, to rule from `from` on.
void append(mix::Automation& whole, bool is_first, Frames from, mix::Automation next) {
  if (is_first) {
    whole = std::move(next);
    return;
  }
  const bool goes_on = whole.later.empty() ? whole.points.empty() && whole.constant == next.constant
                                           : whole.later.back().points.empty() && whole.later.back().constant == next.constant;
  if (next.points.empty() && goes_on) return;
  whole.later.push_back({from, next.constant, std::move(next.points)});
}

}  // namespace

mix::Automation cut_level(const mix::Automation& a, double add, Frames origin, Frames from, Frames until) {
  if (!moves_inside(a, from, until)) return {held_value(a, from) + add, {}};
  // A flat start or end says no more than the one point that it leads to: where it began or ends far outside is not heard.
  mix::Automation cut{0, points_for(a, add, origin, from, until)};
  std::size_t first = 0, last = cut.points.size() - 1;
  while (first < last && cut.points[first].value == cut.points[first + 1].value) ++first;
  while (last > first && cut.points[last].value == cut.points[last - 1].value) --last;
  if (first == last) return {cut.points[first].value, {}};
  cut.points = {cut.points.begin() + static_cast<std::ptrdiff_t>(first), cut.points.begin() + static_cast<std::ptrdiff_t>(last) + 1};
  return cut;
}

program::Band cut_band(const mix::EqBand& band, Frames origin, Frames from, Frames until) {
  const mix::Automation* parameters[] = {&band.freq_hz, &band.q, &band.gain_db};
  // The control grid runs from the first point of any parameter to the last of any: it is still while all of them hold.
  Frames first = kNever, last = -kNever;
  for (const mix::Automation* a : parameters)
    if (!a->is_constant()) { first = std::min(first, a->points.front().at); last = std::max(last, a->points.back().at); }
  const bool moving = first < until && last > from;
  const auto cut = [&](const mix::Automation& a) -> mix::Automation {
    if (a.is_constant()) return a;
    if (!moving) return {held_value(a, from), {}};
    return {0, points_for(a, 0, origin, from, until)};
  };
  return {band.type, cut(band.freq_hz), cut(band.q), cut(band.gain_db)};
}

mix::Automation cut_level(const mix::Automation& a, double add, const mix::TimeMap& time, Frames origin, Frames from, Frames until) {
  mix::Automation whole;
  for (const mix::TimeStretch& s : time.stretches(from, until)) {
    const Frames begin = std::max(from, s.begin), end = std::min(until, s.end);
    mix::Automation piece = s.shift ? cut_level(a, add, origin + *s.shift, begin + *s.shift, end + *s.shift)
                                    : mix::Automation{linear_value(a, mix::kHolePosition) + add, {}};
    append(whole, begin == from, begin - origin, std::move(piece));
  }
  return whole;
}

program::Band cut_band(const mix::EqBand& band, const mix::TimeMap& time, Frames origin, Frames from, Frames until) {
  program::Band whole;
  for (const mix::TimeStretch& s : time.stretches(from, until)) {
    const Frames begin = std::max(from, s.begin), end = std::min(until, s.end);
    program::Band piece{band.type, {logarithmic_value(band.freq_hz, mix::kHolePosition), {}}, {logarithmic_value(band.q, mix::kHolePosition), {}},
                        {linear_value(band.gain_db, mix::kHolePosition), {}}};
    if (s.shift) piece = cut_band(band, origin + *s.shift, begin + *s.shift, end + *s.shift);
    whole.type = band.type;
    append(whole.freq_hz, begin == from, begin - origin, std::move(piece.freq_hz));
    append(whole.q, begin == from, begin - origin, std::move(piece.q));
    append(whole.gain_db, begin == from, begin - origin, std::move(piece.gain_db));
  }
  return whole;
}

struct VersionProgrammer::Window {
  program::Program program;
  std::map<media::Digest, std::uint32_t> source_index;

  std::uint32_t source(const MediaFile& media) {
    const auto [entry, is_new] = source_index.emplace(media.digest, static_cast<std::uint32_t>(program.sources.size()));
    if (is_new) program.sources.push_back({media.digest, media.info.sample_rate});
    return entry->second;
  }
};

VersionProgrammer::VersionProgrammer(const mix::Document& document, const mix::Version& version, const MediaTable& media)
    : document_(document), view_(mix::view(document, version)), time_(document, version) {
  const auto find = [&](const std::string& pattern) { return &media.at(*media_path(document, pattern, view_.variables)); };
  for (std::size_t t = 0; t < document.tracks.size(); ++t) {
    const mix::Track& track = document.tracks[t];
    Track& out = tracks_.emplace_back(Track{&track, view_.track_muted[t], {}, decay_of(track.eq, document.sample_rate)});
    if (out.muted) continue;
    for (const mix::Clip& clip : track.clips) {
      const MediaFile* file = find(clip.file);
      const Frames length = clip.length.value_or(file->frames - clip.in);
      for (const mix::ClipPiece& p : time_.pieces(clip.at, length))
        out.clips.push_back({&clip, file, p.at, p.length, p.skipped, length, p.join_in, p.join_out});
    }
  }
  for (const mix::Reverb& reverb : document.reverbs) reverbs_.push_back({&reverb, find(reverb.ir), decay_of(reverb.eq, document.sample_rate)});
  for (const mix::Bus& bus : document.buses) bus_decay_.push_back(decay_of(bus.eq, document.sample_rate));
  std::vector<bool> listed(document.buses.size(), false);
  const auto list = [&](auto&& self, std::size_t b) -> void {
    if (listed[b]) return;
    listed[b] = true;
    for (std::size_t child = 0; child < document.buses.size(); ++child)
      if (document.buses[child].parent == b) self(self, child);
    children_first_.push_back(b);
  };
  for (std::size_t b = 0; b < document.buses.size(); ++b)
    if (!document.buses[b].parent) list(list, b);
}

void VersionProgrammer::place_clips(const Track& track, Frames origin, Frames from, Frames until, Window& window, program::Track& out) const {
  const int channels = channel_count(track.track->layout);
  Frames last = 0;
  for (const Clip& clip : track.clips) {
    const Frames begin = std::max(clip.at, from), clip_end = clip.at + clip.length, end = std::min(clip_end, until);
    if (begin >= end) continue;
    program::Clip cut;
    cut.source = window.source(*clip.media);
    for (int c = 0; c < channels; ++c)
      cut.channels.push_back(static_cast<std::uint16_t>(clip.clip->channels.empty() ? c : clip.clip->channels[static_cast<std::size_t>(c)] - 1));
    cut.at = begin - origin;
    const Frames skipped = clip.skipped + (begin - clip.at), left = clip.whole_length - skipped;  // of the clip, before and after `begin`
    cut.in = clip.clip->in + skipped;
    cut.length = end - begin;
    cut.gain_linear = linear_from_db(clip.clip->gain_db);
    const mix::Fade &in = clip.clip->fade_in, &fade_out = clip.clip->fade_out;
    if (in.length > skipped) cut.fade_in = {in.length, skipped, in.curve};
    if (fade_out.length > left - (end - begin)) cut.fade_out = {fade_out.length, left, fade_out.curve};
    if (clip.join_in > begin - clip.at) cut.join_in = {clip.join_in, begin - clip.at, mix::FadeCurve::equal_power};
    if (clip.join_out > clip_end - end) cut.join_out = {clip.join_out, clip_end - begin, mix::FadeCurve::equal_power};
    last = std::max(last, end);
    out.clips.push_back(std::move(cut));
  }
  out.end = std::min(until, last + track.eq_decay) - origin;
}

VersionProgrammer::Reach VersionProgrammer::reach_of(std::size_t stem, bool of_muted_too) const {
  const std::vector<mix::Bus>& buses = document_.buses;
  Reach reach;
  reach.bus.assign(buses.size(), kNever);
  // From the stem outward. Never: not part of this stem, or muted.
  for (auto b = children_first_.rbegin(); b != children_first_.rend(); ++b) {
    const std::optional<std::size_t> parent = buses[*b].parent;
    const Frames output = *b == stem ? 0 : parent ? reach.bus[*parent] : kNever;
    if (output != kNever && (of_muted_too || !view_.bus_muted[*b])) reach.bus[*b] = output + bus_decay_[*b];
  }
  for (const Reverb& r : reverbs_) {
    const Frames needed = reach.bus[r.reverb->bus];
    reach.reverb_out.push_back(needed == kNever ? kNever : needed + r.eq_decay);
    reach.reverb_in.push_back(needed == kNever ? kNever : reach.reverb_out.back() + r.reverb->predelay + (r.ir->frames - 1));
  }
  for (const Track& t : tracks_) {
    Frames longest = -1;
    const auto feeds = [&](Frames node) { longest = node == kNever ? longest : std::max(longest, node); };
    feeds(reach.bus[t.track->bus]);
    for (const mix::Send& send : t.track->sends) feeds(reach.reverb_in[send.reverb]);
    reach.track.push_back((t.muted && !of_muted_too) || longest < 0 ? kNever : longest + t.eq_decay);
  }
  return reach;
}

std::vector<Frames> VersionProgrammer::boundaries(std::size_t stem, const std::optional<BoundaryPolicy>& policy) const {
  const Reach reach = reach_of(stem);
  std::vector<Sound> sounds;
  std::vector<Candidate> candidates;
  for (std::size_t t = 0; t < tracks_.size(); ++t) {
    if (reach.track[t] == kNever) continue;
    for (const Clip& clip : tracks_[t].clips) {
      sounds.push_back({clip.at, clip.at + clip.length + reach.track[t]});
      add_candidates(clip.media->digest, clip.at, clip.clip->in + clip.skipped, clip.length, document_.sample_rate, candidates);
    }
  }
  Frames pre_roll = 0;
  for (const Frames of_track : reach_of(stem, true).track) pre_roll = std::max(pre_roll, of_track == kNever ? 0 : of_track);
  return chunk_boundaries(time_.length(), sounds, std::move(candidates), policy.value_or(BoundaryPolicy::usual(document_.sample_rate, pre_roll)));
}

std::optional<program::Program> VersionProgrammer::program(std::size_t stem, Frames begin, Frames end, ProgramParts* parts) const {
  const std::vector<mix::Bus>& buses = document_.buses;
  const Reach reach = reach_of(stem);
  // Nothing sounds before the first clip in reach, so nothing needs to run before it. Thus what stands before a chunk enters its program only
  // as far as it is heard in it.
  Frames floor = kNever;
  for (std::size_t t = 0; t < tracks_.size(); ++t) {
    if (reach.track[t] == kNever) continue;
    const Frames from = std::max<Frames>(0, begin - reach.track[t]);
    for (const Clip& clip : tracks_[t].clips)
      if (clip.at < end && clip.at + clip.length > from) floor = std::min(floor, std::max(clip.at, from));
  }
  if (floor == kNever) return std::nullopt;
  floor = std::min(floor, begin);
  const auto from_of = [&](Frames node_reach) { return node_reach == kNever ? kNever : std::max(floor, begin - node_reach); };
  Window window;

  program::Program& program = window.program;
  program.sample_rate = document_.sample_rate;
  program.length = end - begin;
  std::vector<bool> reverb_live(reverbs_.size(), false), bus_live(buses.size(), false);
  for (const Track& t : tracks_) {
    const std::size_t index = static_cast<std::size_t>(&t - tracks_.data());
    if (reach.track[index] == kNever) continue;
    const mix::Track& track = *t.track;
    const Frames from = from_of(reach.track[index]);
    program::Track out;
    place_clips(t, begin, from, end, window, out);
    if (out.clips.empty()) continue;
    out.layout = track.layout;
    out.eq = cut_eq(track.eq, time_, begin, from, end);
    out.gain_db = cut_level(track.gain_db, view_.track_adjust_db[index], time_, begin, from, end);
    out.azimuth_deg = cut_level(track.azimuth_deg, 0, time_, begin, from, end);
    if (reach.bus[track.bus] != kNever) {
      out.bus = static_cast<std::uint32_t>(track.bus);
      bus_live[track.bus] = true;
      if (track.lfe_db) out.lfe_db = cut_level(*track.lfe_db, 0, time_, begin, from, end);
    }
    for (const mix::Send& send : track.sends) {
      if (reach.reverb_in[send.reverb] == kNever) continue;
      reverb_live[send.reverb] = true;
      out.sends.push_back({static_cast<std::uint32_t>(send.reverb), cut_level(send.gain_db, 0, time_, begin, from, end), send.pre_fader});
    }
    program.tracks.push_back(std::move(out));
    if (parts != nullptr) parts->tracks.push_back(index);
  }

  std::vector<std::uint32_t> reverb_slot(reverbs_.size(), 0), bus_slot(buses.size(), program::kNoBus);
  for (std::size_t r = 0; r < reverbs_.size(); ++r)
    if (reverb_live[r]) bus_live[reverbs_[r].reverb->bus] = true;
  for (const std::size_t b : children_first_) {
    if (!bus_live[b]) continue;
    bus_slot[b] = static_cast<std::uint32_t>(program.buses.size());
    const mix::Bus& bus = buses[b];
    const Frames from = from_of(reach.bus[b]);
    program::Bus& out = program.buses.emplace_back();
    if (parts != nullptr) parts->buses.push_back(b);
    out.layout = bus.layout;
    out.from = from - begin;
    out.eq = cut_eq(bus.eq, time_, begin, from, end);
    out.gain_db = cut_level(bus.gain_db, view_.bus_adjust_db[b], time_, begin, from, end);
    if (b != stem) bus_live[*bus.parent] = true;
  }
  if (program.buses.empty()) return std::nullopt;
  for (std::size_t b = 0; b < buses.size(); ++b)
    if (bus_live[b] && b != stem) program.buses[bus_slot[b]].parent = bus_slot[*buses[b].parent];

  for (std::size_t r = 0; r < reverbs_.size(); ++r) {
    if (!reverb_live[r]) continue;
    reverb_slot[r] = static_cast<std::uint32_t>(program.reverbs.size());
    const mix::Reverb& reverb = *reverbs_[r].reverb;
    const Frames from = from_of(reach.reverb_out[r]);
    program::Reverb& out = program.reverbs.emplace_back();
    if (parts != nullptr) parts->reverbs.push_back(r);
    out.ir = window.source(*reverbs_[r].ir);
    out.bus = bus_slot[reverb.bus];
    out.layout = reverb.layout;
    out.input = reverb.input;
    out.predelay = reverb.predelay;
    out.ir_frames = reverbs_[r].ir->frames;
    out.input_from = from_of(reach.reverb_in[r]) - begin;
    out.output_from = from - begin;
    out.eq = cut_eq(reverb.eq, time_, begin, from, end);
    out.gain_db = cut_level(reverb.gain_db, 0, time_, begin, from, end);
  }
  for (program::Track& track : program.tracks) {
    if (track.bus != program::kNoBus) track.bus = bus_slot[track.bus];
    for (program::Send& send : track.sends) send.reverb = reverb_slot[send.reverb];
  }
  return std::move(window.program);
}

}  // namespace dubfarm::plan
