// What a deliverable writes for a version: file names, channel order, and when two outputs are one render.
#include <algorithm>
#include <cassert>

#include "common/mix/resolve.hpp"

namespace dubfarm::mix {
namespace {

constexpr std::size_t kMaxStepBytes = 255;  // of one folder or file name, on ext4, APFS and NTFS alike

/// Whether a bus feeds one of `targets`, itself or through its parents, with nothing muted on the way.
bool is_heard(const Document& document, const VersionView& version, const std::vector<std::size_t>& targets, std::size_t bus) {
  while (!version.bus_muted[bus]) {
    if (!document.buses[bus].parent) return std::find(targets.begin(), targets.end(), bus) != targets.end();
    bus = *document.buses[bus].parent;
  }
  return false;
}

std::string expanded(const std::string& pattern, const VersionView& version) {
  const Result<std::string> path = expand(pattern, version.variables);
  return path.ok() ? *path : pattern;
}

std::string identity_of(const Recut& recut, const VersionView& version) {
  std::string out = fmt::format("recut {} {} {}\n", expanded(recut.file, version), recut.fade, recut.length.value_or(-1));
  if (recut.file.empty())
    for (const RecutEvent& e : recut.events) out += fmt::format("{} {} {}\n", e.at, e.old_at, e.length);
  return out;
}

}  // namespace

std::optional<std::string> path_problem(std::string_view path) {
  if (path.empty()) return "it is empty";
  if (path.front() == '/') return "it is absolute; it counts from the output folder";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) return fmt::format("it holds the control character U+{:04X}", static_cast<unsigned>(byte));
    if (std::string_view("<>:\"\\|?*").find(c) != std::string_view::npos)
      return fmt::format("it holds {}, which not every file system can", c);
  }
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view step = path.substr(begin, end - begin);
    if (step.empty()) return "a folder or file in it has no name";
    if (step == "..") return "\"..\" climbs out of the output folder";
    if (step == ".") return "\".\" names no folder";
    if (step.back() == '.' || step.back() == ' ')
      return fmt::format("\"{}\" ends in a {}, which not every file system can keep", step, step.back() == '.' ? "full stop" : "space");
    if (step.size() > kMaxStepBytes)
      return fmt::format("a name in it has {} bytes, and a file name may have {}", step.size(), kMaxStepBytes);
    begin = end + 1;
  }
  return std::nullopt;
}

std::optional<std::vector<int>> file_channels(Layout layout, ChannelOrder order) {
  const int channels = channel_count(layout);
  std::vector<int> out;
  if (order == ChannelOrder::film && lfe_channel(layout)) {
    if (layout == Layout::immersive_714) return std::nullopt;
    const int lfe = *lfe_channel(layout);
    out = {0, 2, 1};  // L C R
    for (int c = lfe + 1; c < channels; ++c) out.push_back(c);
    out.push_back(lfe);
  } else {
    for (int c = 0; c < channels; ++c) out.push_back(c);
  }
  return out;
}

std::vector<OutputPlan> outputs(const Document& document) {
  std::vector<OutputPlan> plans;
  for (std::size_t v = 0; v < document.versions.size(); ++v) {
    std::map<std::string, std::string> variables = variables_of(document, document.versions[v]);
    for (std::size_t d = 0; d < document.deliverables.size(); ++d) {
      const Deliverable& deliverable = document.deliverables[d];
      if (!any_glob_matches(deliverable.versions, document.versions[v].name)) continue;
      OutputPlan& plan = plans.emplace_back(OutputPlan{v, d, {}});
      variables["deliverable"] = deliverable.name;
      const auto add = [&](std::optional<std::size_t> bus, std::optional<int> channel) {
        const Result<std::string> path = expand(deliverable.file, variables);
        assert(path.ok());  // parse_mix has expanded it before
        plan.files.push_back({path.ok() ? *path : deliverable.file, bus, channel});
      };
      const auto add_channels = [&](std::optional<std::size_t> bus, Layout layout) {
        if (deliverable.split == Split::none) return add(bus, std::nullopt);
        for (const int channel : file_channels(layout, deliverable.order).value_or(std::vector<int>{})) {
          variables["channel"] = std::string(channel_names(layout)[static_cast<std::size_t>(channel)]);
          add(bus, channel);
        }
      };
      if (!deliverable.per_bus) {
        add_channels(std::nullopt, deliverable.layout);
        continue;
      }
      for (const std::size_t stem : included_stems(document, deliverable)) {
        variables["bus"] = document.buses[stem].name;
        add_channels(stem, document.buses[stem].layout);
      }
    }
  }
  return plans;
}

std::string render_identity(const Document& document, const VersionView& version, const Deliverable& deliverable,
                            std::optional<std::size_t> only_stem) {
  const std::vector<std::size_t> targets = only_stem ? std::vector<std::size_t>{*only_stem} : included_stems(document, deliverable);
  std::string out =
      fmt::format("{} {} {} {} {} {} {} {} {} {}\n", only_stem ? "stem" : name_of(deliverable.layout),
                  static_cast<int>(deliverable.sample_type), static_cast<int>(deliverable.dither), static_cast<int>(deliverable.split),
                  static_cast<int>(deliverable.order), static_cast<int>(deliverable.format), deliverable.loudness, deliverable.measure_from.value_or(-1),
                  deliverable.measure_to.value_or(-1), deliverable.dither == Dither::none ? "" : deliverable.name);
  const QcSettings& qc = deliverable.qc;
  out += fmt::format("qc {} {} {} {} {} {} {}\n", qc.is_on, qc.silence, qc.correlation, qc.mono_loss_db, qc.dropouts, qc.clicks, qc.strict);
  for (const auto& leader : {deliverable.leader, deliverable.tail})
    if (leader) out += fmt::format("leader {} {}\n", leader->length, leader->pop.value_or(-1));
    else out += "no leader\n";
  if (deliverable.normalize != Normalize::none) out += fmt::format("normalize {}\n", static_cast<int>(deliverable.normalize));
  if (const auto& l = deliverable.limiter) {
    out += fmt::format("limiter {} {} {} {}\n", l->ceiling_dbtp, l->lookahead, l->release, l->max_reduction_db.value_or(-1));
  }
  if (deliverable.follow) {
    const Deliverable& master = document.deliverables[*deliverable.follow];
    // Stems that follow may share their dither with the printmaster and with each other.
    if (master.normalize != Normalize::none || master.limiter || only_stem) out += "follow " + render_identity(document, version, master, std::nullopt);
    if (only_stem && deliverable.dither != Dither::none)
      for (const std::size_t stem : included_stems(document, deliverable)) out += fmt::format("beside {}\n", stem);
  }
  if (version.recut != nullptr) out += identity_of(*version.recut, version);
  for (const std::size_t stem : targets) {
    const auto level = deliverable.mix.find(document.buses[stem].name);
    out += fmt::format("stem {} {}\n", stem, level == deliverable.mix.end() || only_stem ? 0.0 : level->second);
  }
  if (deliverable.matrix && !only_stem)
    for (const double value : deliverable.matrix->values) out += fmt::format("{} ", value);
  for (std::size_t b = 0; b < document.buses.size(); ++b)
    if (is_heard(document, version, targets, b)) out += fmt::format("bus {} {}\n", b, version.bus_adjust_db[b]);
  const auto reverb_is_heard = [&](std::size_t reverb) { return is_heard(document, version, targets, document.reverbs[reverb].bus); };
  for (std::size_t r = 0; r < document.reverbs.size(); ++r)
    if (reverb_is_heard(r)) out += fmt::format("reverb {} {}\n", r, expanded(document.reverbs[r].ir, version));
  for (std::size_t t = 0; t < document.tracks.size(); ++t) {
    const Track& track = document.tracks[t];
    const bool heard = is_heard(document, version, targets, track.bus) ||
                       std::any_of(track.sends.begin(), track.sends.end(), [&](const Send& send) { return reverb_is_heard(send.reverb); });
    if (!heard || version.track_muted[t]) continue;
    out += fmt::format("track {} {}\n", t, version.track_adjust_db[t]);
    for (const Clip& clip : track.clips) out += expanded(clip.file, version) + '\n';
  }
  return out;
}

}  // namespace dubfarm::mix
