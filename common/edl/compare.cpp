#include "common/edl/compare.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "common/mix/json.hpp"

namespace dubfarm::edl {
namespace {

constexpr std::size_t kMostCandidates = 64;  // of one new event: the best, then the nearest

enum Score { by_name = 1, other_name = 2, no_name = 3, same_name = 4 };  // reels agree in all but the first

std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

/// What an event is compared by.
struct Shot {
  const Event* event;
  std::string reel, file, name;  // folded; empty: none
  std::optional<double> speed;   // where it is not the list's own
  bool has_source_time;
};

bool has_picture(const List& list) {
  return std::any_of(list.events.begin(), list.events.end(), [](const Event& e) { return (e.channels & 1) != 0 && e.length() > 0; });
}

std::vector<Shot> shots_of(const List& list) {
  const Channels wanted = has_picture(list) ? Channels{1} : ~Channels{1};
  std::vector<Shot> shots;
  for (const Event& e : list.events) {
    if (e.length() == 0 || (e.channels & wanted) == 0 || e.transition == Transition::key || is_black(e.reel)) continue;
    Shot shot{&e, folded(e.reel), folded(e.source_file), folded(e.clip_name), e.speed_fps, true};
    if (shot.reel == "AX") shot.reel.clear();
    if (shot.speed == static_cast<double>(list.rate.nominal)) shot.speed.reset();
    shot.has_source_time = e.source_out > e.source_in || shot.speed.has_value();
    shots.push_back(std::move(shot));
  }
  return shots;
}

/// A stretch of the new cut that one event of the old one accounts for.
struct Piece {
  std::int64_t from, to, distance;  // distance: old - new
  int score;
  std::size_t shot;  // of the new cut
};

class Matcher {
 public:
  explicit Matcher(const std::vector<Shot>& old_shots) : old_(old_shots) {
    for (std::size_t i = 0; i < old_.size(); ++i) {
      if (!old_[i].reel.empty()) by_key_['R' + old_[i].reel].push_back(i);
      if (!old_[i].file.empty()) by_key_['F' + old_[i].file].push_back(i);
      if (!old_[i].name.empty()) by_key_['N' + old_[i].name].push_back(i);
    }
    for (auto& [key, list] : by_key_)
      std::sort(list.begin(), list.end(), [&](std::size_t a, std::size_t b) { return std::pair(source_in(a), a) < std::pair(source_in(b), b); });
    for (const auto& [key, list] : by_key_) {
      std::int64_t& longest = longest_[key];
      for (const std::size_t i : list) longest = std::max(longest, old_[i].event->length());
    }
  }

  [[nodiscard]] bool knows(const Shot& shot) const { return by_key_.contains('R' + shot.reel) || (!shot.file.empty() && by_key_.contains('F' + shot.file)); }

  void match(const Shot& shot, std::size_t index, std::vector<Piece>& out) {
    found_.clear();
    collect('R', shot.reel, shot, index);
    collect('F', shot.file, shot, index);
    if (found_.empty()) collect('N', shot.name, shot, index);
    const auto is_better = [&](const Piece& a, const Piece& b) {
      return std::tuple(-a.score, std::abs(a.distance), a.distance, a.from) < std::tuple(-b.score, std::abs(b.distance), b.distance, b.from);
    };
    std::sort(found_.begin(), found_.end(), is_better);
    found_.erase(std::unique(found_.begin(), found_.end(), [](const Piece& a, const Piece& b) { return a.from == b.from && a.to == b.to && a.distance == b.distance; }),
                 found_.end());
    out.insert(out.end(), found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(std::min(found_.size(), kMostCandidates)));
  }

 private:
  [[nodiscard]] std::int64_t source_in(std::size_t i) const { return old_[i].event->source_in; }

  void collect(char kind, const std::string& key, const Shot& shot, std::size_t index) {
    if (key.empty()) return;
    const auto list = by_key_.find(kind + key);
    if (list == by_key_.end()) return;
    const Event& e = *shot.event;
    // Sorted by source in: what begins more than the longest one before the new event's in cannot reach it.
    const auto first = std::lower_bound(list->second.begin(), list->second.end(), e.source_in - longest_.at(list->first),
                                        [&](std::size_t i, std::int64_t at) { return source_in(i) < at; });
    for (auto i = first; i != list->second.end() && source_in(*i) < e.source_in + e.length() && found_.size() < 64 * kMostCandidates; ++i)
      if (auto piece = agree(shot, old_[*i], kind == 'N')) {
        piece->shot = index;
        found_.push_back(*piece);
      }
  }

  static std::optional<Piece> agree(const Shot& shot, const Shot& old_shot, bool is_by_name) {
    const Event &e = *shot.event, &o = *old_shot.event;
    if (shot.speed != old_shot.speed || shot.has_source_time != old_shot.has_source_time) return std::nullopt;
    std::int64_t from = std::max(e.source_in, o.source_in), to = std::min(e.source_in + e.length(), o.source_in + o.length());
    if (shot.speed || !shot.has_source_time) {
      if (e.source_in != o.source_in || (!shot.has_source_time && e.length() != o.length())) return std::nullopt;
      from = e.source_in, to = e.source_in + std::min(e.length(), o.length());
    }
    if (from >= to) return std::nullopt;
    const bool has_names = !shot.name.empty() && !old_shot.name.empty();
    const int score = is_by_name ? by_name : !has_names ? no_name : shot.name == old_shot.name ? same_name : other_name;
    const std::int64_t new_from = e.record_in + (from - e.source_in), old_from = o.record_in + (from - o.source_in);
    return Piece{new_from, new_from + (to - from), old_from - new_from, score, 0};
  }

  const std::vector<Shot>& old_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_key_;
  std::unordered_map<std::string, std::int64_t> longest_;  // event of each key
  std::vector<Piece> found_;
};

void append_run(std::vector<Kept>& runs, std::int64_t from, std::int64_t to, std::int64_t distance) {
  if (!runs.empty() && runs.back().new_end() == from && runs.back().old_at - runs.back().new_at == distance) runs.back().length += to - from;
  else runs.push_back({from, from + distance, to - from});
}

/// Goes through the new cut from its start, and takes of all pieces that cover a stretch the best one: by score, then the one that goes on
/// as before, then the one with most channels, then the nearest.
void choose(std::vector<Piece>& pieces, Comparison& out) {
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return std::tuple(a.from, a.to, a.shot, a.distance) < std::tuple(b.from, b.to, b.shot, b.distance);
  });
  std::vector<std::int64_t> edges;
  for (const Piece& p : pieces) edges.push_back(p.from), edges.push_back(p.to);
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  std::vector<const Piece*> active;
  std::size_t next = 0;
  std::int64_t distance = 0;  // of what was chosen last
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    const std::int64_t from = edges[i], to = edges[i + 1];
    std::erase_if(active, [&](const Piece* p) { return p->to <= from; });
    for (; next < pieces.size() && pieces[next].from == from; ++next) active.push_back(&pieces[next]);
    if (active.empty()) continue;
    std::map<std::int64_t, int> votes;
    for (const Piece* p : active) ++votes[p->distance];
    const auto worth = [&](const Piece* p) {
      return std::tuple(p->score, p->distance == distance, votes[p->distance], -std::abs(p->distance - distance), -p->distance);
    };
    const Piece* const best = *std::max_element(active.begin(), active.end(), [&](const Piece* a, const Piece* b) { return worth(a) < worth(b); });
    std::set<std::size_t> agreeing, others;  // events of the new cut
    for (const Piece* p : active) (p->distance == best->distance ? agreeing : others).insert(p->shot);
    if (std::any_of(others.begin(), others.end(), [&](std::size_t shot) { return !agreeing.contains(shot); })) out.disputed_frames += to - from;
    if (best->score == by_name) out.by_name_frames += to - from;
    distance = best->distance;
    append_run(out.kept, from, to, distance);
  }
}

/// What of `whole` no range covers, ascending.
std::vector<Range> rest_of(Range whole, std::vector<Range> covered) {
  std::sort(covered.begin(), covered.end(), [](const Range& a, const Range& b) { return a.from < b.from; });
  std::vector<Range> rest;
  std::int64_t reached = whole.from;
  for (const Range& range : covered) {
    if (range.from > reached) rest.push_back({reached, std::min(range.from, whole.to)});
    reached = std::max(reached, range.to);
  }
  if (reached < whole.to) rest.push_back({reached, whole.to});
  return rest;
}

std::vector<Range> old_ranges(const std::vector<Kept>& runs) {
  std::vector<Range> ranges;
  for (const Kept& run : runs) ranges.push_back({run.old_at, run.old_end()});
  return ranges;
}

/// Joins runs with one distance over gaps whose old side nothing else uses.
void heal(Comparison& out) {
  const std::vector<Range> unused = rest_of({INT64_MIN, INT64_MAX}, old_ranges(out.kept));
  const auto is_unused = [&](Range range) {
    const auto behind = std::partition_point(unused.begin(), unused.end(), [&](const Range& r) { return r.to < range.to; });
    return behind != unused.end() && behind->from <= range.from;
  };
  std::vector<Kept> runs;
  for (const Kept& run : out.kept) {
    if (!runs.empty() && runs.back().old_at - runs.back().new_at == run.old_at - run.new_at && is_unused({runs.back().old_end(), run.old_at})) {
      Kept& before = runs.back();
      out.replaced.push_back({before.new_end(), before.old_end(), run.new_at - before.new_end()});
      before.length = run.new_end() - before.new_at;
    } else {
      runs.push_back(run);
    }
  }
  out.kept = std::move(runs);
}

/// Marks what is not in the heaviest chain of runs that keep their order, and what is there twice.
void mark_moves(std::vector<Kept>& runs) {
  std::vector<std::int64_t> places;  // old ends, ascending
  for (const Kept& run : runs) places.push_back(run.old_end());
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  struct Best { std::int64_t weight = 0; std::size_t last = SIZE_MAX; };
  std::vector<Best> tree(places.size() + 1);  // Fenwick: the best chain that ends at or before a place
  std::vector<Best> chain(runs.size());       // the weight of the best chain up to each run, and the run before it
  Best heaviest;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    auto reach = static_cast<std::size_t>(std::upper_bound(places.begin(), places.end(), runs[i].old_at) - places.begin());
    for (; reach > 0; reach &= reach - 1)
      if (tree[reach].weight > chain[i].weight) chain[i] = tree[reach];
    chain[i].weight += runs[i].length;
    if (chain[i].weight > heaviest.weight) heaviest = {chain[i].weight, i};
    auto place = static_cast<std::size_t>(std::lower_bound(places.begin(), places.end(), runs[i].old_end()) - places.begin()) + 1;
    for (; place < tree.size(); place += place & (~place + 1))
      if (chain[i].weight > tree[place].weight) tree[place] = {chain[i].weight, i};
  }
  for (Kept& run : runs) run.is_moved = true;
  for (std::size_t i = heaviest.last; i != SIZE_MAX; i = chain[i].last) runs[i].is_moved = false;

  std::vector<std::size_t> by_old(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) by_old[i] = i;
  std::sort(by_old.begin(), by_old.end(), [&](std::size_t a, std::size_t b) { return std::pair(runs[a].old_at, a) < std::pair(runs[b].old_at, b); });
  std::size_t furthest = SIZE_MAX;
  for (const std::size_t i : by_old) {
    if (furthest != SIZE_MAX && runs[furthest].old_end() > runs[i].old_at) runs[std::max(furthest, i)].is_repeated = true;
    if (furthest == SIZE_MAX || runs[i].old_end() > runs[furthest].old_end()) furthest = i;
  }
}

Range range_of(const List& list) {
  Range range{INT64_MAX, INT64_MIN};
  for (const Event& e : list.events) {
    if (e.length() == 0) continue;
    range.from = std::min(range.from, e.record_in);
    range.to = std::max(range.to, e.record_out);
  }
  return range.from < range.to ? range : Range{};
}

}  // namespace

Comparison compare(const List& old_cut, const List& new_cut, const CompareOptions& options) {
  Comparison out;
  out.old_range = range_of(old_cut);
  out.new_range = range_of(new_cut);
  out.compares_sound_old = !has_picture(old_cut);
  out.compares_sound_new = !has_picture(new_cut);
  const std::vector<Shot> old_shots = shots_of(old_cut), new_shots = shots_of(new_cut);
  Matcher matcher(old_shots);
  std::vector<Piece> pieces;
  std::set<std::string> unknown;
  for (std::size_t i = 0; i < new_shots.size(); ++i) {
    const std::size_t before = pieces.size();
    matcher.match(new_shots[i], i, pieces);
    if (pieces.size() == before && !new_shots[i].reel.empty() && !matcher.knows(new_shots[i])) unknown.insert(new_shots[i].event->reel);
  }
  out.unknown_reels.assign(unknown.begin(), unknown.end());
  choose(pieces, out);
  if (options.heals) heal(out);
  mark_moves(out.kept);
  out.removed = rest_of(out.old_range, old_ranges(out.kept));
  std::vector<Range> covered;
  for (const Kept& run : out.kept) covered.push_back({run.new_at, run.new_end()});
  out.inserted = rest_of(out.new_range, std::move(covered));
  return out;
}

std::vector<Cut> cuts(const Comparison& comparison) {
  std::vector<Cut> out;
  const std::vector<Kept>& runs = comparison.kept;
  for (std::size_t i = 0; i <= runs.size(); ++i) {
    Cut cut;
    cut.at = {i == 0 ? comparison.new_range.from : runs[i - 1].new_end(), i == runs.size() ? comparison.new_range.to : runs[i].new_at};
    if (i > 0) cut.old_out = runs[i - 1].old_end();
    if (i < runs.size()) cut.old_in = runs[i].old_at;
    const bool is_end_of_both = i == 0 ? !runs.empty() && runs[0].old_at == comparison.old_range.from : runs[i - 1].old_end() == comparison.old_range.to;
    if ((i == 0 || i == runs.size()) && cut.at.length() == 0 && is_end_of_both) continue;  // both cuts begin or end here
    out.push_back(cut);
  }
  return out;
}

NamesIn::NamesIn(const List& list) {
  for (const Event& e : list.events)
    if (e.length() > 0 && !is_black(e.reel)) events_.push_back(&e);
  std::stable_sort(events_.begin(), events_.end(), [](const Event* a, const Event* b) { return a->record_in < b->record_in; });
  for (const Event* e : events_) furthest_.push_back(std::max(furthest_.empty() ? e->record_out : furthest_.back(), e->record_out));
}

std::string NamesIn::operator()(Range range, std::size_t most) const {
  std::vector<std::string_view> names;
  std::set<std::string_view> seen;
  const auto first = std::partition_point(furthest_.begin(), furthest_.end(), [&](std::int64_t end) { return end <= range.from; });
  for (auto e = events_.begin() + (first - furthest_.begin()); e != events_.end() && (*e)->record_in < range.to; ++e) {
    if ((*e)->record_out <= range.from) continue;
    const std::string_view name = (*e)->clip_name.empty() ? (*e)->reel : (*e)->clip_name;
    if (seen.insert(name).second) names.push_back(name);
  }
  std::string out;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) out += fmt::format("{}{}", i == 0 ? "" : ", ", names[i]);
  if (names.size() > most) out += fmt::format(" and {} more", names.size() - most);
  return out;
}

std::string change_list_json(const Comparison& comparison, const mix::FrameRate& rate) {
  std::string out = "[";
  for (const Kept& run : comparison.kept)
    out += fmt::format("{}\n  {{ \"new\": \"{}\", \"old\": \"{}\", \"length\": \"{}\" }}", &run == &comparison.kept.front() ? "" : ",",
                       mix::format_timecode(run.new_at, rate), mix::format_timecode(run.old_at, rate), mix::format_timecode(run.length, rate));
  return out + "\n]\n";
}

}  // namespace dubfarm::edl
