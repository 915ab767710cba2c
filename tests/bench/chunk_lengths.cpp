// How the lengths of chunks trade pre-roll against reuse: chunk_lengths BEFORE.mix.json AFTER.mix.json [SHORTEST:LONGEST | grid:LENGTH | usual]...   (seconds)
// Both documents are planned under each pair of lengths; with BENCH_FOLDER set, BEFORE is rendered into that folder too, from an empty store, and
// timed (processor time, the least of three).
#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "cli/local_farm.hpp"
#include "common/machine.hpp"
#include "common/mix/parse.hpp"
#include "scheduler/plan/plan.hpp"

namespace {

using namespace dubfarm;

struct Planned {
  std::unique_ptr<mix::Document> document;
  plan::MediaTable media;
  [[nodiscard]] plan::Plan plan(const std::optional<plan::BoundaryPolicy>& policy) const { return plan::make_plan(*document, media, {}, "bench", policy); }
};

Planned load(const std::string& path) {
  const Result<std::string> text = mix::read_text_file(path);
  if (!text.ok()) { fmt::print(stderr, "error: {}\n", text.error().message); std::exit(2); }
  mix::ParseOutcome parsed = mix::parse_mix(*text, path);
  std::vector<mix::Diagnostic> errors = std::move(parsed.errors);
  Planned planned;
  if (parsed.document) {
    planned.document = std::make_unique<mix::Document>(std::move(*parsed.document));
    media::DigestCache digests("");
    plan::MediaOutcome media = plan::gather_media(*planned.document, plan::selected_versions(*planned.document, {}), true, 2, digests);
    errors = std::move(media.errors);
    planned.media = std::move(media.table);
  }
  if (!errors.empty()) { fmt::print(stderr, "{}", mix::format_diagnostics(*text, path, errors)); std::exit(2); }
  return planned;
}

struct Seconds {
  double chunks = 0, with_pre_roll = 0, tracks = 0;  // tracks: what all clips of all chunks play, added up
};

Seconds seconds_of(const plan::Plan& plan, const std::set<program::Key>& known) {
  Seconds sum;
  for (const plan::Chunk& chunk : plan.chunks) {
    if (known.contains(chunk.key)) continue;
    sum.chunks += static_cast<double>(chunk.program.length) / plan.sample_rate;
    sum.with_pre_roll += static_cast<double>(chunk.program.length - chunk.program.first_frame()) / plan.sample_rate;
    for (const program::Track& track : chunk.program.tracks)
      for (const program::Clip& clip : track.clips) sum.tracks += static_cast<double>(clip.length) / plan.sample_rate;
  }
  return sum;
}

double cpu_seconds() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + 1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/// Processor time of a whole render, outputs included.
double render_seconds(const Planned& mix, const plan::Plan& plan, const std::string& folder) {
  double least = 1e9;
  for (int run = 0; run < 3; ++run) {
    std::filesystem::remove_all(folder + "/store");
    const Store store = Store::open(folder + "/store").value();
    std::atomic<bool> stop{false};
    cli::FarmOptions options;
    options.threads = usable_processors();
    options.output_folder = folder + "/out";
    options.stop = &stop;
    const double before = cpu_seconds();
    const Result<scheduler::Report> report = cli::run_locally(*mix.document, plan, store, options);
    if (!report.ok()) { fmt::print(stderr, "error: {}\n", report.error().message); std::exit(3); }
    least = std::min(least, cpu_seconds() - before);
  }
  std::filesystem::remove_all(folder + "/store");
  return least;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: chunk_lengths BEFORE.mix.json AFTER.mix.json [SHORTEST:LONGEST | grid:LENGTH | usual]...\n");
    return 2;
  }
  const Planned before = load(argv[1]), after = load(argv[2]);
  std::vector<std::string> lengths(argv + 3, argv + argc);
  if (lengths.empty()) lengths = {"2:8", "3:6", "3:12", "4:8", "4:16", "6:24", "8:32", "15:60", "grid:30", "usual"};
  fmt::print("{:>9} {:>7} {:>9} {:>10} {:>10} {:>12} {:>12} {:>10}\n", "lengths", "chunks", "seconds", "pre-roll", "clips", "again", "with pre-roll", "clips");
  double clip_seconds = 0;
  for (const std::string& pair : lengths) {
    const std::size_t colon = pair.find(':');
    const double shortest = std::atof(pair.c_str()), longest = std::atof(pair.c_str() + colon + 1);
    const int rate = before.document->sample_rate;
    std::optional<plan::BoundaryPolicy> policy;
    if (pair != "usual")
      policy = {.shortest = static_cast<Frames>(shortest * rate), .longest = static_cast<Frames>(longest * rate), .bed = static_cast<Frames>(20 * shortest * rate), .rest = rate};
    if (pair.starts_with("grid")) policy = plan::BoundaryPolicy::grid(static_cast<Frames>(longest * rate));
    const plan::Plan old_plan = before.plan(policy), new_plan = after.plan(policy);
    std::set<program::Key> known;
    for (const plan::Chunk& chunk : old_plan.chunks) known.insert(chunk.key);
    const Seconds all = seconds_of(old_plan, {}), changed = seconds_of(new_plan, known), whole = seconds_of(new_plan, {});
    if (clip_seconds == 0) clip_seconds = seconds_of(before.plan(plan::BoundaryPolicy::grid(Frames{1} << 40)), {}).tracks;
    fmt::print("{:>9} {:>7} {:>9.1f} {:>8.1f} % {:>8.1f} % {:>10.1f} % {:>11.1f} % {:>8.1f} %", pair, old_plan.chunks.size(), all.chunks,
               100 * (all.with_pre_roll / all.chunks - 1), 100 * (all.tracks / clip_seconds - 1), 100 * changed.chunks / whole.chunks,
               100 * changed.with_pre_roll / whole.with_pre_roll, 100 * changed.tracks / whole.tracks);
    if (const char* folder = std::getenv("BENCH_FOLDER")) fmt::print("   {:7.2f} s of processor", render_seconds(before, old_plan, folder));
    fmt::print("\n");
  }
}
