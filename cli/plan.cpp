#include "cli/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/exit_code.hpp"
#include "cli/planned_mix.hpp"
#include "cli/rates.hpp"
#include "common/machine.hpp"
#include "scheduler/state/job_tasks.hpp"

namespace dubfarm::cli {
namespace {

struct Count {
  std::size_t chunks = 0;
  double seconds = 0;
  void add(double of) { ++chunks; seconds += of; }
};

/// One stem of one version. A chunk that an earlier one of the plan has too is shared; it is rendered, or reused, there.
struct Row {
  std::string version, stem;
  Count all, render, reuse, shared;
};

nlohmann::ordered_json json_of(const Count& count) { return {{"chunks", count.chunks}, {"seconds", count.seconds}}; }
std::string text_of(const Count& count) { return count.chunks == 0 ? "-" : fmt::format("{} ({:.1f} s)", count.chunks, count.seconds); }

std::string duration_text(double seconds) {
  if (seconds < 1) return "less than a second";
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  return fmt::format("{}:{:02} min", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
}

}  // namespace

int run_plan(const PlanOptions& options) {
  int status = kDone;
  const std::optional<PlannedMix> planned = load_planned_mix(options.mix, options.store, {options.version, options.deliverable}, options.json, status);
  if (!planned) return status;
  const plan::Plan& plan = planned->plan;
  const mix::Document& document = *planned->document;
  std::vector<Row> rows;
  Row total;
  std::vector<bool> seen(plan.chunks.size(), false);
  double work = 0;
  for (const plan::StemTimeline& timeline : plan.timelines) {
    Row& row = rows.emplace_back();
    row.version = document.versions[timeline.version].name;
    row.stem = document.buses[timeline.bus].name;
    for (const plan::Placement& placement : timeline.placements) {
      const double seconds = static_cast<double>(placement.length) / plan.sample_rate;
      Count Row::*const kind = seen[placement.chunk] ? &Row::shared : planned->is_stored[placement.chunk] ? &Row::reuse : &Row::render;
      for (Row* to : {&row, &total}) {
        to->all.add(seconds);
        (to->*kind).add(seconds);
      }
      if (kind == &Row::render) work += render_work(plan.chunks[placement.chunk].program);
      seen[placement.chunk] = true;
    }
  }
  std::size_t outputs = 0;
  double print_work = 0;
  for (const plan::Print& print : plan.prints) outputs += print.same_as ? 0 : print.files.size();
  for (const scheduler::Task& task : scheduler::job_tasks(plan, 0))
    if (task.kind == scheduler::TaskKind::range) print_work += channel_count(plan.prints[task.subject].layout) * static_cast<double>(task.length) / plan.sample_rate;
  const int threads = options.threads > 0 ? options.threads : usable_processors();
  const std::optional<Rates> rates = planned->store ? load_rates(*planned->store) : std::nullopt;
  std::optional<double> estimate;
  if (rates && (work == 0 || rates->render > 0) && rates->print > 0) estimate = ((work > 0 ? work / rates->render : 0) + print_work / rates->print) / threads;

  if (options.json) {
    nlohmann::ordered_json stems = nlohmann::ordered_json::array();
    const auto entry = [](const Row& row) {
      return nlohmann::ordered_json{{"all", json_of(row.all)}, {"render", json_of(row.render)}, {"reuse", json_of(row.reuse)}, {"shared", json_of(row.shared)}};
    };
    for (const Row& row : rows) {
      nlohmann::ordered_json one = {{"version", row.version}, {"stem", row.stem}};
      one.update(entry(row));
      stems.push_back(std::move(one));
    }
    const nlohmann::ordered_json result = {{"mix", options.mix}, {"stems", stems}, {"total", entry(total)}, {"output_files", outputs}, {"threads", threads},
                                           {"estimated_seconds", estimate ? nlohmann::ordered_json(*estimate) : nlohmann::ordered_json(nullptr)}};
    fmt::print("{}\n", result.dump(2));
    return kDone;
  }
  std::size_t width = 7;
  for (const Row& row : rows) width = std::max({width, row.version.size(), row.stem.size()});
  const auto line = [&](std::string_view version, std::string_view stem, const auto& all, const auto& render, const auto& reuse, const auto& shared) {
    fmt::print("{:<{}}  {:<{}}  {:>16}  {:>16}  {:>16}  {:>16}\n", version, width, stem, width, all, render, reuse, shared);
  };
  line("version", "stem", "chunks", "to render", "reused", "shared");
  for (const Row& row : rows) line(row.version, row.stem, text_of(row.all), text_of(row.render), text_of(row.reuse), text_of(row.shared));
  line("", "", text_of(total.all), text_of(total.render), text_of(total.reuse), text_of(total.shared));
  fmt::print("{} to write; ", outputs == 1 ? "1 file" : fmt::format("{} files", outputs));
  if (estimate) fmt::print("about {} on {} thread{} of this machine, by earlier renders\n", duration_text(*estimate), threads, threads == 1 ? "" : "s");
  else fmt::print("no estimate of the time: this machine has not rendered into this store yet\n");
  return kDone;
}

}  // namespace dubfarm::cli
