#include "scheduler/plan/plan.hpp"

#include <algorithm>

#include "common/mix/recut.hpp"
#include "common/mix/resolve.hpp"
#include "scheduler/plan/stem_programs.hpp"
#include "scheduler/plan/stem_sets.hpp"

namespace dubfarm::plan {
namespace {

std::vector<mix::OutputPlan> selected_outputs(const mix::Document& document, const Selection& selection) {
  std::vector<mix::OutputPlan> outputs = mix::outputs(document);
  std::erase_if(outputs, [&](const mix::OutputPlan& output) {
    return !mix::glob_match(selection.version, document.versions[output.version].name) ||
           !mix::glob_match(selection.deliverable, document.deliverables[output.deliverable].name);
  });
  return outputs;
}

/// Adds the stem's chunks over the whole timeline; a chunk with a key that another version or place has already is that one.
StemTimeline plan_stem(const VersionProgrammer& programmer, std::size_t version, std::size_t bus, const std::optional<BoundaryPolicy>& policy, std::string_view profile,
                       std::map<program::Key, std::size_t>& by_key, std::vector<Chunk>& chunks) {
  StemTimeline timeline{version, bus, {}};
  const std::vector<Frames> boundaries = programmer.boundaries(bus, policy);
  for (std::size_t i = 0; i + 1 < boundaries.size(); ++i) {
    std::optional<program::Program> program = programmer.program(bus, boundaries[i], boundaries[i + 1]);
    if (!program) continue;
    const program::Key key = program::key_of(*program, profile);
    const auto [entry, is_new] = by_key.emplace(key, chunks.size());
    if (is_new) chunks.push_back({std::move(*program), key});
    timeline.placements.push_back({boundaries[i], boundaries[i + 1] - boundaries[i], entry->second});
  }
  return timeline;
}

std::string stem_dither_name(const mix::Document& document, const mix::Deliverable& deliverable, std::size_t stem) {
  return deliverable.name + '/' + document.buses[stem].name;
}

/// Each stem's second number is its own, and the next one's first; the ends are the printmaster's numbers.
Print::DitherChain dither_chain(const mix::Document& document, const mix::Deliverable& deliverable, const std::vector<std::size_t>& stems, std::size_t stem) {
  const std::string& whole = document.deliverables[*deliverable.follow].name;
  const auto at = std::find(stems.begin(), stems.end(), stem);
  return {at == stems.begin() ? whole : stem_dither_name(document, deliverable, *(at - 1)),
          at + 1 == stems.end() ? whole : stem_dither_name(document, deliverable, *at), at == stems.begin()};
}

/// Once all prints are there.
void count_listeners(Plan& plan) {
  for (const Print& print : plan.prints) {
    if (print.same_as) continue;
    std::vector<std::size_t> heard;
    const auto hear = [&](const std::vector<PrintInput>& inputs) {
      for (const PrintInput& input : inputs)
        for (const Placement& place : plan.timelines[input.timeline].placements) heard.push_back(place.chunk);
    };
    hear(print.inputs);
    if (print.master) hear(plan.masters[*print.master].inputs);
    std::sort(heard.begin(), heard.end());
    heard.erase(std::unique(heard.begin(), heard.end()), heard.end());
    for (const std::size_t chunk : heard) ++plan.chunks[chunk].listeners;
  }
}

}  // namespace

std::vector<std::size_t> selected_versions(const mix::Document& document, const Selection& selection) {
  std::vector<std::size_t> versions;
  for (const mix::OutputPlan& output : selected_outputs(document, selection))
    if (versions.empty() || versions.back() != output.version) versions.push_back(output.version);
  return versions;
}

Plan make_plan(const mix::Document& document, const MediaTable& media, const Selection& selection, std::string_view numeric_profile,
               std::optional<BoundaryPolicy> policy) {
  Plan plan;
  plan.sample_rate = document.sample_rate;
  for (const auto& [path, file] : media) plan.sources.emplace(file.digest, &file);
  std::map<program::Key, std::size_t> chunk_by_key;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> timeline_of;  // (version, bus)
  std::map<std::size_t, VersionProgrammer> programmers;
  std::map<std::string, std::size_t> print_by_path;

  const auto timeline = [&](std::size_t version, std::size_t bus) {
    const auto [entry, is_new] = timeline_of.emplace(std::pair{version, bus}, plan.timelines.size());
    if (is_new) {
      const auto programmer = programmers.try_emplace(version, document, document.versions[version], media).first;
      plan.timelines.push_back(plan_stem(programmer->second, version, bus, policy, numeric_profile, chunk_by_key, plan.chunks));
    }
    return entry->second;
  };

  const auto inputs = [&](std::size_t version, const mix::Deliverable& deliverable, Layout layout, const std::vector<std::size_t>& stems) {
    std::vector<PrintInput> out;
    for (const std::size_t stem : stems) {
      const mix::Bus& bus = document.buses[stem];
      Matrix matrix = deliverable.matrix ? *deliverable.matrix : conversion_matrix(bus.layout, layout);
      const auto level = deliverable.mix.find(bus.name);
      const double gain = level == deliverable.mix.end() ? 1.0 : linear_from_db(level->second);
      for (double& value : matrix.values) value *= gain;
      out.push_back({timeline(version, stem), std::move(matrix)});
    }
    return out;
  };
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> master_of;  // (version, deliverable)
  const auto master = [&](std::size_t version, std::size_t follower) -> std::optional<std::size_t> {
    const std::size_t index = document.deliverables[follower].follow.value_or(follower);
    const mix::Deliverable& deliverable = document.deliverables[index];
    if (deliverable.normalize == mix::Normalize::none && !deliverable.limiter) return std::nullopt;
    const auto [entry, is_new] = master_of.emplace(std::pair{version, index}, plan.masters.size());
    if (is_new) plan.masters.push_back({version, index, channel_count(deliverable.layout), inputs(version, deliverable, deliverable.layout, mix::included_stems(document, deliverable)),
                                       mix::length_of(document, document.versions[version])});
    return entry->second;
  };

  for (const mix::OutputPlan& output : selected_outputs(document, selection)) {
    const mix::Deliverable& deliverable = document.deliverables[output.deliverable];
    std::vector<std::size_t> stems = mix::included_stems(document, deliverable);
    std::vector<std::vector<std::size_t>> sums;  // the stems of each print
    if (deliverable.per_bus) for (const std::size_t stem : stems) sums.push_back({stem});
    else sums.push_back(stems);
    for (const std::vector<std::size_t>& sum : sums) {
      Print print;
      print.version = output.version;
      print.deliverable = output.deliverable;
      if (deliverable.per_bus) print.bus = sum.front();
      print.layout = deliverable.per_bus ? document.buses[sum.front()].layout : deliverable.layout;
      print.length = mix::length_of(document, document.versions[output.version]);
      print.dither_name = print.bus ? stem_dither_name(document, deliverable, *print.bus) : deliverable.name;
      if (print.bus && has_chained_dither(document, deliverable)) print.dither_chain = dither_chain(document, deliverable, stems, *print.bus);
      print.inputs = inputs(output.version, deliverable, print.layout, sum);
      print.master = master(output.version, output.deliverable);
      for (const mix::OutputFile& file : output.files)
        if (file.bus == print.bus)
          print.files.push_back({file.path, file.channel ? std::vector<int>{*file.channel} : mix::file_channels(print.layout, deliverable.order).value()});
      if (!print.files.empty()) {
        const auto [entry, is_new] = print_by_path.emplace(print.files.front().path, plan.prints.size());
        if (!is_new) print.same_as = entry->second;
      }
      plan.prints.push_back(std::move(print));
    }
  }
  count_listeners(plan);
  return plan;
}

}  // namespace dubfarm::plan
