#include "scheduler/plan/explain.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

namespace dubfarm::plan {
namespace {

using Kind = Difference::Kind;

bool same_fade(const program::Fade& a, const program::Fade& b) { return a == b || (a.length == 0 && b.length == 0); }

bool same_band(const program::Band& a, const program::Band& b) {
  return a.type == b.type && a.freq_hz == b.freq_hz && a.q == b.q && a.gain_db == b.gain_db;
}
bool same_eq(const std::vector<program::Band>& a, const std::vector<program::Band>& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_band); }

/// One side of the comparison: a program, and what its parts are called in the document.
struct Side {
  const StemState& state;
  ProgramParts parts;  // filled as the program is made: declared before it
  std::optional<program::Program> program;

  Side(const StemState& of, Frames begin, Frames end) : state(of), program(of.programmer.program(of.bus, begin, end, &parts)) {}

  [[nodiscard]] const program::Track* track(const std::string& name) const {
    for (std::size_t i = 0; program && i < parts.tracks.size(); ++i)
      if (state.document.tracks[parts.tracks[i]].name == name) return &program->tracks[i];
    return nullptr;
  }
  [[nodiscard]] const program::Reverb* reverb(const std::string& name) const {
    for (std::size_t i = 0; program && i < parts.reverbs.size(); ++i)
      if (state.document.reverbs[parts.reverbs[i]].name == name) return &program->reverbs[i];
    return nullptr;
  }
  [[nodiscard]] const program::Bus* bus(const std::string& name) const {
    for (std::size_t i = 0; program && i < parts.buses.size(); ++i)
      if (state.document.buses[parts.buses[i]].name == name) return &program->buses[i];
    return nullptr;
  }
  [[nodiscard]] const media::Digest& source(std::uint32_t index) const { return program->sources[index].digest; }
  [[nodiscard]] std::string file_name(std::uint32_t index) const {
    for (const auto& [path, file] : state.media)
      if (file.digest == source(index)) return std::filesystem::path(path).filename().string();
    return source(index).hex();
  }
  [[nodiscard]] std::string send_target(const program::Send& send) const { return state.document.reverbs[parts.reverbs[send.reverb]].name; }
};

class Comparison {
 public:
  Comparison(const StemState& before, const StemState& now, Frames begin, Frames end) : begin_(begin), old_(before, begin, end), new_(now, begin, end) {}

  std::vector<Difference> run() {
    if (new_.program) {
      for (const std::size_t t : new_.parts.tracks) compare_track(new_.state.document.tracks[t].name);
      for (const std::size_t r : new_.parts.reverbs) compare_reverb(new_.state.document.reverbs[r].name);
      for (const std::size_t b : new_.parts.buses) compare_bus(new_.state.document.buses[b].name);
    }
    if (old_.program)
      for (const std::size_t t : old_.parts.tracks)
        if (const std::string& name = old_.state.document.tracks[t].name; new_.track(name) == nullptr) add(Kind::track, "track \"{}\" is no longer heard here", name);
    if (found_.empty()) add(Kind::boundary, "nothing here changed, but the chunk's boundaries did, because of what stands beside it");
    return std::move(found_);
  }

 private:
  template <class... Args>
  void add(Kind kind, fmt::format_string<Args...> text, Args&&... args) {
    found_.push_back({kind, fmt::format(text, std::forward<Args>(args)...)});
  }
  [[nodiscard]] std::string timecode(Frames relative) const {
    const mix::Document& d = new_.state.document;
    const auto video = (begin_ + relative) * d.frame_rate.numerator / (static_cast<Frames>(d.frame_rate.denominator) * d.sample_rate);
    return mix::format_timecode(d.start_frames + video, d.frame_rate);
  }

  void compare_track(const std::string& name) {
    const program::Track* const now = new_.track(name);
    const program::Track* const before = old_.track(name);
    if (before == nullptr) return add(Kind::track, "track \"{}\" was not heard here", name);
    const std::string label = fmt::format("track \"{}\"", name);
    compare_clips(label, *before, *now);
    if (!same_eq(before->eq, now->eq)) add(Kind::eq, "{}: its EQ changed", label);
    compare_level(label, "level", " dB", before->gain_db, now->gain_db);
    compare_level(label, "azimuth", " degrees", before->azimuth_deg, now->azimuth_deg);
    if (before->lfe_db.has_value() != now->lfe_db.has_value()) add(Kind::level, "{}: its send to the LFE was {}", label, now->lfe_db ? "added" : "removed");
    else if (now->lfe_db) compare_level(label, "LFE level", " dB", *before->lfe_db, *now->lfe_db);
    std::map<std::string, std::pair<const program::Send*, const program::Send*>> sends;
    for (const program::Send& send : before->sends) sends[old_.send_target(send)].first = &send;
    for (const program::Send& send : now->sends) sends[new_.send_target(send)].second = &send;
    for (const auto& [target, pair] : sends) {
      if (pair.first == nullptr || pair.second == nullptr) add(Kind::send, "{}: its send to \"{}\" was {}", label, target, pair.second != nullptr ? "added" : "removed");
      else if (pair.first->pre_fader != pair.second->pre_fader) add(Kind::send, "{}: its send to \"{}\" is {} now", label, target, pair.second->pre_fader ? "pre-fader" : "post-fader");
      else compare_level(label, fmt::format("send to \"{}\"", target), " dB", pair.first->gain_db, pair.second->gain_db);
    }
  }

  [[nodiscard]] bool same_clip(const program::Clip& a, const program::Clip& b) const {
    return old_.source(a.source) == new_.source(b.source) && a.channels == b.channels && a.at == b.at && a.in == b.in && a.length == b.length &&
           a.gain_linear == b.gain_linear && same_fade(a.fade_in, b.fade_in) && same_fade(a.fade_out, b.fade_out) &&
           same_fade(a.join_in, b.join_in) && same_fade(a.join_out, b.join_out);
  }

  void compare_clips(const std::string& label, const program::Track& before, const program::Track& now) {
    std::vector<const program::Clip*> gone, come;
    for (const program::Clip& clip : before.clips) gone.push_back(&clip);
    for (const program::Clip& clip : now.clips) {
      const auto same = std::find_if(gone.begin(), gone.end(), [&](const program::Clip* other) { return same_clip(*other, clip); });
      if (same != gone.end()) gone.erase(same);
      else come.push_back(&clip);
    }
    for (const program::Clip* clip : come) {
      // The old self of a changed clip: the same source, and, of several, the nearest.
      auto was = gone.end();
      const auto distance = [&](const program::Clip* other) { return std::abs(other->at - clip->at); };
      for (auto other = gone.begin(); other != gone.end(); ++other)
        if (old_.source((*other)->source) == new_.source(clip->source) && (was == gone.end() || distance(*other) < distance(*was))) was = other;
      const std::string who = fmt::format("{}: clip {} at {}", label, new_.file_name(clip->source), timecode(clip->at));
      if (was == gone.end()) {
        const auto there = std::find_if(gone.begin(), gone.end(), [&](const program::Clip* other) { return other->at == clip->at; });
        if (there == gone.end()) {
          add(Kind::clip, "{} is new", who);
        } else {
          add(Kind::clip, "{} stands where {} stood", who, old_.file_name((*there)->source));
          gone.erase(there);
        }
        continue;
      }
      add(Kind::clip, "{} {}", who, what_changed(**was, *clip));
      gone.erase(was);
    }
    for (const program::Clip* clip : gone) add(Kind::clip, "{}: clip {} at {} is gone", label, old_.file_name(clip->source), timecode(clip->at));
  }

  static std::string what_changed(const program::Clip& a, const program::Clip& b) {
    std::string list;
    const auto say = [&](bool differs, std::string_view what) {
      if (differs) list += (list.empty() ? "" : ", ") + std::string(what);
    };
    const Frames moved = (b.at - b.in) - (a.at - a.in);
    say(moved != 0, fmt::format("moved by {} samples", moved));
    say(moved == 0 && (a.at != b.at || a.length != b.length), "was trimmed");
    say(a.gain_linear != b.gain_linear, "changed its gain");
    say(!same_fade(a.fade_in, b.fade_in) || !same_fade(a.fade_out, b.fade_out), "changed a fade");
    say(!same_fade(a.join_in, b.join_in) || !same_fade(a.join_out, b.join_out), "has other edges of the recut");
    say(a.channels != b.channels, "plays other channels");
    return list.empty() ? "was trimmed" : list;
  }

  void compare_level(const std::string& label, const std::string& what, const char* unit, const mix::Automation& a, const mix::Automation& b) {
    if (a == b) return;
    if (a.is_constant() && b.is_constant()) return add(Kind::level, "{}: its {} changed from {:g} to {:g}{}", label, what, a.constant, b.constant, unit);
    if (a.later != b.later && a.points == b.points) return add(Kind::automation, "{}: its {} jumps elsewhere in the recut", label, what);
    const auto [x, y] = std::mismatch(a.points.begin(), a.points.end(), b.points.begin(), b.points.end());
    if (y != b.points.end() && x != a.points.end() && x->at == y->at)
      return add(Kind::automation, "{}: the automation point of its {} at {} changed from {:g} to {:g}{}", label, what, timecode(y->at), x->value, y->value, unit);
    if (y != b.points.end() && x != a.points.end() && x->value == y->value)
      return add(Kind::automation, "{}: the automation point of its {} at {} moved to {}", label, what, timecode(x->at), timecode(y->at));
    add(Kind::automation, "{}: the automation of its {} changed at {}", label, what, timecode(y != b.points.end() ? y->at : x != a.points.end() ? x->at : 0));
  }

  void compare_reverb(const std::string& name) {
    const program::Reverb* const now = new_.reverb(name);
    const program::Reverb* const before = old_.reverb(name);
    if (before == nullptr) return add(Kind::reverb, "reverb \"{}\" was not heard here", name);
    const std::string label = fmt::format("reverb \"{}\"", name);
    if (old_.source(before->ir) != new_.source(now->ir)) add(Kind::reverb, "{}: its impulse response is another", label);
    if (before->predelay != now->predelay || before->layout != now->layout || before->input != now->input) add(Kind::reverb, "{}: its settings changed", label);
    if (!same_eq(before->eq, now->eq)) add(Kind::eq, "{}: its EQ changed", label);
    compare_level(label, "level", " dB", before->gain_db, now->gain_db);
  }

  void compare_bus(const std::string& name) {
    const program::Bus* const now = new_.bus(name);
    const program::Bus* const before = old_.bus(name);
    if (before == nullptr) return;  // what feeds it says so
    const std::string label = fmt::format("bus \"{}\"", name);
    if (before->layout != now->layout) add(Kind::bus, "{}: its layout changed", label);
    if (!same_eq(before->eq, now->eq)) add(Kind::eq, "{}: its EQ changed", label);
    compare_level(label, "level", " dB", before->gain_db, now->gain_db);
  }

  Frames begin_;
  Side old_, new_;
  std::vector<Difference> found_;
};

}  // namespace

const char* name_of(Difference::Kind kind) {
  switch (kind) {
    case Kind::track: return "track";
    case Kind::clip: return "clip";
    case Kind::level: return "level";
    case Kind::automation: return "automation";
    case Kind::eq: return "eq";
    case Kind::send: return "send";
    case Kind::reverb: return "reverb";
    case Kind::bus: return "bus";
    case Kind::boundary: return "boundary";
  }
  return "";
}

std::vector<Difference> differences(const StemState& before, const StemState& now, Frames begin, Frames end) { return Comparison(before, now, begin, end).run(); }

}  // namespace dubfarm::plan
