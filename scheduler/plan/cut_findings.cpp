#include "scheduler/plan/cut_findings.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/filter/svf_design.hpp"
#include "common/mix/json.hpp"
#include "common/mix/resolve.hpp"

namespace dubfarm::plan {
namespace {

constexpr double kFaintestDb = -60;

/// A clip with its length, and where it is heard on the new timeline.
struct PlacedClip {
  const mix::Clip* clip;
  Frames length;
  std::vector<mix::ClipPiece> pieces;
  [[nodiscard]] Frames end() const { return clip->at + length; }
};
struct Node {
  std::string name;
  const mix::Track* track;  // null: a bus or a reverb
  std::vector<PlacedClip> clips;
};

/// The two sides of a boundary on the old timeline; none: a hole.
struct Sides {
  Frames at;
  std::optional<Frames> before, behind;
};

class Inspector {
 public:
  Inspector(const mix::Document& document, const mix::Version& version, const MediaTable& media, const FindingLimits& limits)
      : document_(document), limits_(limits), time_(document, version) {
    const mix::VersionView view = mix::view(document, version);
    for (std::size_t t = 0; t < document.tracks.size(); ++t) {
      if (view.track_muted[t]) continue;
      const mix::Track& track = document.tracks[t];
      Node& node = tracks_.emplace_back(Node{fmt::format("track {}", mix::quote_json(track.name)), &track, {}});
      for (const mix::Clip& clip : track.clips) {
        const Result<std::string> path = media_path(document, clip.file, view.variables);
        const Frames length = clip.length ? *clip.length : media.at(*path).frames - clip.in;
        node.clips.push_back({&clip, length, time_.pieces(clip.at, length)});
      }
    }
    for (const mix::Reverb& reverb : document.reverbs) ring_.push_back(reverb.predelay + media.at(*media_path(document, reverb.ir, view.variables)).frames);
  }

  std::vector<MixCut> run() {
    std::vector<MixCut> cuts;
    const auto stretches = time_.stretches();
    for (std::size_t i = 0; i <= stretches.size(); ++i) {
      Sides sides{i < stretches.size() ? stretches[i].begin : time_.length(), std::nullopt, std::nullopt};
      if (i > 0 && stretches[i - 1].shift) sides.before = stretches[i - 1].end + *stretches[i - 1].shift;
      if (i < stretches.size() && stretches[i].shift) sides.behind = stretches[i].begin + *stretches[i].shift;
      if (i == 0 && sides.behind == 0) continue;  // as in the old cut
      if (i == stretches.size() && sides.before == document_.length) continue;
      out_.clear();
      find_fades(sides);
      if (sides.before && sides.behind) find_jumps(*sides.before, *sides.behind);
      if (i > 0 && i < stretches.size()) find_tails(sides.at);
      if (!out_.empty()) cuts.push_back({sides.at, out_});
    }
    return cuts;
  }

 private:
  [[nodiscard]] std::string seconds(Frames frames) const { return fmt::format("{:.3f} s", static_cast<double>(frames) / document_.sample_rate); }
  void add(FindingKind kind, const std::string& node, std::string detail) { out_.push_back({kind, node, std::move(detail)}); }

  void find_fades(const Sides& sides) {
    for (const Node& node : tracks_)
      for (const PlacedClip& placed : node.clips) {
        const mix::Clip& clip = *placed.clip;
        const std::string name = "clip " + mix::quote_json(clip.file);
        for (const auto& [old_at, is_end] : {std::pair{sides.before, true}, std::pair{sides.behind, false}}) {
          if (!old_at || *old_at <= clip.at || *old_at >= placed.end()) continue;
          const char* const what = is_end ? "ends" : "begins";
          if (*old_at - clip.at < clip.fade_in.length)
            add(FindingKind::fade, node.name, fmt::format("{} {} here {} into its fade-in of {}", name, what, seconds(*old_at - clip.at), seconds(clip.fade_in.length)));
          if (placed.end() - *old_at < clip.fade_out.length)
            add(FindingKind::fade, node.name, fmt::format("{} {} here {} before the end of its fade-out of {}", name, what, seconds(placed.end() - *old_at), seconds(clip.fade_out.length)));
        }
      }
  }

  void level_jump(const std::string& node, const char* what, const mix::Automation& a, Frames before, Frames behind) {
    const double from = linear_value(a, before), to = linear_value(a, behind);
    if (std::abs(std::max(from, kFaintestDb) - std::max(to, kFaintestDb)) > limits_.level_db)
      add(FindingKind::jump, node, fmt::format("{} goes from {:.1f} to {:.1f} dB", what, from, to));
  }

  void eq_jumps(const std::string& node, const std::vector<mix::EqBand>& eq, Frames before, Frames behind) {
    for (std::size_t b = 0; b < eq.size(); ++b) {
      const double from = logarithmic_value(eq[b].freq_hz, before), to = logarithmic_value(eq[b].freq_hz, behind);
      if (std::abs(std::log2(to / from)) > limits_.frequency_octaves) add(FindingKind::jump, node, fmt::format("eq band {} goes from {:.0f} to {:.0f} Hz", b + 1, from, to));
      level_jump(node, fmt::format("eq band {} gain", b + 1).c_str(), eq[b].gain_db, before, behind);
    }
  }

  void find_jumps(Frames before, Frames behind) {
    for (const Node& node : tracks_) {
      const bool sounds = std::any_of(node.clips.begin(), node.clips.end(), [&](const PlacedClip& c) {
        return (c.clip->at < before && c.end() >= before) || (c.clip->at <= behind && c.end() > behind);
      });
      if (!sounds) continue;
      const mix::Track& track = *node.track;
      level_jump(node.name, "gain_db", track.gain_db, before, behind);
      const double from = linear_value(track.azimuth_deg, before), to = linear_value(track.azimuth_deg, behind);
      if (std::abs(std::remainder(to - from, 360.0)) > limits_.azimuth_deg) add(FindingKind::jump, node.name, fmt::format("azimuth goes from {:.1f} to {:.1f} degrees", from, to));
      if (track.lfe_db) level_jump(node.name, "lfe_db", *track.lfe_db, before, behind);
      eq_jumps(node.name, track.eq, before, behind);
      for (const mix::Send& send : track.sends)
        level_jump(node.name, fmt::format("send to {}", mix::quote_json(document_.reverbs[send.reverb].name)).c_str(), send.gain_db, before, behind);
    }
    for (const mix::Bus& bus : document_.buses) {
      const std::string name = fmt::format("bus {}", mix::quote_json(bus.name));
      level_jump(name, "gain_db", bus.gain_db, before, behind);
      eq_jumps(name, bus.eq, before, behind);
    }
    for (const mix::Reverb& reverb : document_.reverbs) {
      const std::string name = fmt::format("reverb {}", mix::quote_json(reverb.name));
      level_jump(name, "gain_db", reverb.gain_db, before, behind);
      eq_jumps(name, reverb.eq, before, behind);
    }
  }

  /// Sound within a reverb's length before `at`, on a track that feeds it.
  void find_tails(Frames at) {
    for (std::size_t r = 0; r < document_.reverbs.size(); ++r) {
      std::string first;
      int feeding = 0;
      for (const Node& node : tracks_) {
        const bool sends = std::any_of(node.track->sends.begin(), node.track->sends.end(), [&](const mix::Send& send) {
          return send.reverb == r && (!send.gain_db.is_constant() || send.gain_db.constant > kSilenceDb);
        });
        if (!sends) continue;
        const bool sounds = std::any_of(node.clips.begin(), node.clips.end(), [&](const PlacedClip& c) {
          return std::any_of(c.pieces.begin(), c.pieces.end(), [&](const mix::ClipPiece& p) { return p.at < at && p.at + p.length > at - ring_[r]; });
        });
        if (sounds && feeding++ == 0) first = node.name;
      }
      if (feeding > 0)
        add(FindingKind::tail, fmt::format("reverb {}", mix::quote_json(document_.reverbs[r].name)),
            fmt::format("rings across for up to {}, fed by {}{}", seconds(ring_[r]), first, feeding > 1 ? fmt::format(" and {} more", feeding - 1) : ""));
    }
  }

  const mix::Document& document_;
  const FindingLimits& limits_;
  mix::TimeMap time_;
  std::vector<Node> tracks_;
  std::vector<Frames> ring_;  // of each reverb
  std::vector<Finding> out_;
};

}  // namespace

std::vector<MixCut> cut_findings(const mix::Document& document, const mix::Version& version, const MediaTable& media, const FindingLimits& limits) {
  return Inspector(document, version, media, limits).run();
}

}  // namespace dubfarm::plan
