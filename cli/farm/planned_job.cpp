#include "cli/farm/planned_job.hpp"

#include <algorithm>
#include <set>

#include "cli/rates.hpp"
#include "common/media/resample.hpp"
#include "common/mix/parse_rooted.hpp"
#include "common/mix/recut.hpp"
#include "common/mix/resolve.hpp"
#include "common/sha256.hpp"
#include "scheduler/plan/print_groups.hpp"

namespace dubfarm::cli {
namespace {

constexpr double kUsualRenderRate = 400, kUsualPrintRate = 100;  // of one thread, until a machine has measured its own (cli/rates.hpp)

using Problems = std::vector<http::Problem>;

Problems problems_of(const std::vector<mix::Diagnostic>& errors) {
  Problems problems;
  for (const mix::Diagnostic& error : errors)
    problems.push_back({error.file.empty() ? error.message : error.file + ": " + error.message, error.place.pointer, static_cast<int>(error.place.line),
                        static_cast<int>(error.place.column), error.help});
  return problems;
}
Problems problem_of(const Error& error) { return {{error.message, {}, 0, 0, {}}}; }

std::string joined(const std::string& folder, const std::string& name) { return name.starts_with('/') ? name : folder + "/" + name; }

/// Every file beside the document that it names: none outside the roots is opened.
Result<void> check_files(const mix::Document& document, const std::vector<std::size_t>& versions, const MediaRoots& roots) {
  std::set<std::string> paths;
  const auto add = [&](const std::string& pattern, const std::map<std::string, std::string>& variables) {
    if (const Result<std::string> path = plan::media_path(document, pattern, variables); path.ok()) paths.insert(*path);  // else gather_media complains
  };
  for (const std::size_t v : versions) {
    const mix::VersionView view = mix::view(document, document.versions[v]);
    for (std::size_t t = 0; t < document.tracks.size(); ++t)
      if (!view.track_muted[t])
        for (const mix::Clip& clip : document.tracks[t].clips) add(clip.file, view.variables);
    for (const mix::Reverb& reverb : document.reverbs) add(reverb.ir, view.variables);
    if (const auto& recut = document.versions[v].recut; recut && !recut->file.empty()) add(recut->file, view.variables);
  }
  for (const std::string& path : paths) TRY(roots.check(path));
  return {};
}

struct Parsed {
  std::unique_ptr<mix::Document> document;
  scheduler::SpecTable specs;
  std::vector<std::size_t> versions;
};
/// Everything that needs no media. `path` is the document's on this machine.
std::variant<Parsed, Problems> parse(const std::string& text, const std::string& path, const plan::Selection& selection, const MediaRoots& roots) {
  Parsed parsed;
  mix::ParseOutcome outcome = mix::parse_rooted_mix(text, path, roots.folders());
  if (!outcome.document) return problems_of(outcome.errors);
  parsed.document = std::make_unique<mix::Document>(std::move(*outcome.document));
  const mix::Document& document = *parsed.document;
  for (const mix::Deliverable& deliverable : document.deliverables)
    if (scheduler::is_spec_file(deliverable.loudness))
      if (const Result<void> inside = roots.check(joined(document.folder, deliverable.loudness)); !inside.ok())
        return Problems{{inside.error().message, deliverable.loudness_place.pointer, static_cast<int>(deliverable.loudness_place.line),
                         static_cast<int>(deliverable.loudness_place.column), {}}};
  parsed.specs = scheduler::find_specs(document);
  if (!parsed.specs.errors.empty()) return problems_of(parsed.specs.errors);
  parsed.versions = plan::selected_versions(document, selection);
  if (parsed.versions.empty())
    return problem_of(fail(Errc::invalid_input, "no output matches version \"{}\" and deliverable \"{}\"", selection.version, selection.deliverable));
  if (const Result<void> inside = check_files(document, parsed.versions, roots); !inside.ok()) return problem_of(inside.error());
  const mix::RecutOutcome recuts = mix::load_recuts(*parsed.document, parsed.versions);
  if (!recuts.errors.empty()) return problems_of(recuts.errors);
  return parsed;
}

/// Of everything that task indices and results depend on.
std::string digest_of(const PlannedJob& job) {
  Sha256 hash;
  const auto add = [&](const std::string& text) { hash.update(std::as_bytes(std::span(text.data(), text.size()))); };
  for (const plan::Chunk& chunk : job.plan.chunks) add(chunk.key.hex());
  for (const plan::Print& print : job.plan.prints) {
    add(fmt::format("\nprint {} {} {}", print.version, print.deliverable, print.bus ? static_cast<std::int64_t>(*print.bus) : -1));
    for (const plan::PrintFile& file : print.files) add("\n" + file.path);
  }
  for (const auto& group : job.groups) add(fmt::format("\ngroup {}", group.size()));
  return hash.hex();
}

void group_prints(PlannedJob& job) {
  job.groups = plan::print_groups(*job.document, job.plan);
  for (const std::vector<std::size_t>& group : job.groups) {
    std::set<std::uint32_t> chunks;
    const auto hear = [&](const std::vector<plan::PrintInput>& inputs) {
      for (const plan::PrintInput& input : inputs)
        for (const plan::Placement& placement : job.plan.timelines[input.timeline].placements) chunks.insert(static_cast<std::uint32_t>(placement.chunk));
    };
    for (const std::size_t p : group) {
      hear(job.plan.prints[p].inputs);
      if (job.plan.prints[p].master) hear(job.plan.masters[*job.plan.prints[p].master].inputs);
    }
    job.heard.emplace_back(chunks.begin(), chunks.end());
  }
}

std::string document_path(const std::string& folder, const std::string& name) {
  std::string file = name.empty() ? "mix" : name;
  std::replace(file.begin(), file.end(), '/', '_');
  return folder + "/" + file + (file.ends_with(".json") ? "" : ".mix.json");
}

/// Whether the places of a submission are the farm's.
Problems check_places(const Submission& submission, const MediaRoots& roots) {
  const Result<std::string> folder = roots.local(submission.folder);
  if (!folder.ok()) return problem_of(fail(Errc::invalid_input, "folder: {}", folder.error().message));
  const Result<std::string> out = roots.local(submission.out);
  if (!out.ok()) return problem_of(fail(Errc::invalid_input, "out: {}", out.error().message));
  if (const Result<void> inside = roots.check(*out); !inside.ok()) return problem_of(fail(Errc::invalid_input, "out: {}", inside.error().message));
  return {};
}

}  // namespace

std::vector<http::Problem> check_submission(const Submission& submission, const MediaRoots& roots) {
  if (Problems problems = check_places(submission, roots); !problems.empty()) return problems;
  auto parsed = parse(submission.text, document_path(*roots.local(submission.folder), submission.name), {submission.version, submission.deliverable}, roots);
  if (auto* problems = std::get_if<Problems>(&parsed)) return std::move(*problems);
  return {};
}

PlanOutcome plan_submission(const Submission& submission, const MediaRoots& roots, const Store& store, int threads) {
  if (Problems problems = check_places(submission, roots); !problems.empty()) return problems;
  PlannedJob job;
  const std::string path = document_path(*roots.local(submission.folder), submission.name);
  auto outcome = parse(submission.text, path, {submission.version, submission.deliverable}, roots);
  if (auto* problems = std::get_if<Problems>(&outcome)) return std::move(*problems);
  Parsed& parsed = std::get<Parsed>(outcome);
  job.document = std::move(parsed.document);
  job.specs = std::move(parsed.specs);
  job.out = *roots.local(submission.out);
  media::DigestCache digests(store.folder());
  plan::MediaOutcome media = plan::gather_media(*job.document, parsed.versions, true, threads, digests);
  if (!media.errors.empty()) return problems_of(media.errors);
  job.media = std::make_unique<plan::MediaTable>(std::move(media.table));
  job.plan = plan::make_plan(*job.document, *job.media, {submission.version, submission.deliverable}, submission.numeric_profile);
  group_prints(job);
  JobPackage& package = job.package;
  package.mix = document_path(submission.folder, submission.name);
  package.text = submission.text;
  package.out = submission.out;
  package.version = submission.version;
  package.deliverable = submission.deliverable;
  package.numeric_profile = submission.numeric_profile;
  package.plan_digest = digest_of(job);
  for (const plan::Chunk& chunk : job.plan.chunks) package.chunks_missing += store.has(chunk.key) ? 0 : 1;
  for (const auto& [file_path, file] : *job.media) {
    const Result<std::string> named = roots.named(file_path);
    if (!named.ok()) return problem_of(named.error());
    JobPackage::File& entry = package.media.emplace_back(JobPackage::File{file.info, file.digest, file.stamp.size_bytes, file.stamp.mtime_ns});
    entry.info.path = *named;
  }
  return job;
}

Result<std::shared_ptr<const PlannedJob>> load_job(const std::string& package_sha256, const MediaRoots& roots, const Store& store) {
  auto job = std::make_shared<PlannedJob>();
  TRY_ASSIGN(job->package, read_job_package(store, package_sha256));
  const JobPackage& package = job->package;
  TRY_ASSIGN(const std::string path, roots.local(package.mix));
  TRY_ASSIGN(job->out, roots.local(package.out));
  TRY(roots.check(job->out));
  const plan::Selection selection{package.version, package.deliverable};
  auto outcome = parse(package.text, path, selection, roots);
  if (const auto* problems = std::get_if<Problems>(&outcome))
    return fail(Errc::invalid_input, "{}: {}{}", path, problems->front().message, problems->size() > 1 ? fmt::format(" (and {} more)", problems->size() - 1) : "");
  Parsed& parsed = std::get<Parsed>(outcome);
  job->document = std::move(parsed.document);
  job->specs = std::move(parsed.specs);
  job->media = std::make_unique<plan::MediaTable>();
  for (const JobPackage::File& entry : package.media) {
    plan::MediaFile file;
    file.info = entry.info;
    file.digest = entry.digest;
    file.frames = media::converted_length(entry.info.frames, entry.info.sample_rate, job->document->sample_rate);
    TRY_ASSIGN(file.info.path, roots.local(entry.info.path));
    TRY(roots.check(file.info.path));
    TRY_ASSIGN(file.stamp, media::stamp(file.info.path));
    if (file.stamp.size_bytes != entry.size_bytes || file.stamp.mtime_ns != entry.mtime_ns)
      return fail(Errc::invalid_input, "{}: this is not the file that the job was planned with ({} bytes then, {} now, or another time of change); submit the job again",
                  file.info.path, entry.size_bytes, file.stamp.size_bytes);
    job->media->emplace(file.info.path, file);
  }
  job->plan = plan::make_plan(*job->document, *job->media, selection, package.numeric_profile);
  group_prints(*job);
  if (digest_of(*job) != package.plan_digest)
    return fail(Errc::invalid_input, "{}: planned here, this job has other chunks or prints than its package says; use builds of one release on all machines, and submit it again if a change list was edited",
                package.mix);
  return std::shared_ptr<const PlannedJob>(std::move(job));
}

farm::TaskList task_list(const PlannedJob& job, const Store& store) {
  const std::optional<Rates> measured = load_rates(store);
  const double render_rate = measured && measured->render > 0 ? measured->render : kUsualRenderRate;
  const double print_rate = measured && measured->print > 0 ? measured->print : kUsualPrintRate;
  const auto cost = [](double seconds) { return static_cast<float>(std::max(seconds, 1e-3)); };
  farm::TaskList tasks;
  for (std::size_t c = 0; c < job.plan.chunks.size(); ++c) {
    const farm::TaskIndex task = tasks.add(farm::TaskKind::chunk, static_cast<std::uint32_t>(c), cost(render_work(job.plan.chunks[c].program) / render_rate));
    if (store.has(job.plan.chunks[c].key)) tasks.already_done.push_back(task);
  }
  std::vector<farm::TaskIndex> prints;
  for (std::size_t g = 0; g < job.groups.size(); ++g) {
    double work = 0;
    for (const std::size_t p : job.groups[g])
      if (!job.plan.prints[p].same_as) work += channel_count(job.plan.prints[p].layout) * static_cast<double>(job.plan.prints[p].length) / job.plan.sample_rate;
    prints.push_back(tasks.add(farm::TaskKind::print, static_cast<std::uint32_t>(g), cost(work / print_rate), job.heard[g]));
  }
  tasks.add(farm::TaskKind::package, 0, cost(0.1), prints);
  return tasks;
}

}  // namespace dubfarm::cli
