#include "cli/client/submit.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/client/farm_text.hpp"
#include "common/hex.hpp"
#include "common/mix/parse.hpp"

namespace dubfarm::cli {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMixEnding = ".mix.json";
constexpr std::chrono::milliseconds kShortestLook{100}, kLongestLook{700};  // between: a fortieth of the time since it was handed in
constexpr int kPatience = 120;  // looks without an answer, of some three seconds each

int usage_error(const std::string& message, const std::string& help) { return report_farm_error({kBadInput, message, help, {}, 0, {}}, false); }

std::string name_from(const std::string& path) {
  std::string name = fs::path(path).filename().string();
  if (name.ends_with(kMixEnding)) name.resize(name.size() - kMixEnding.size());
  else if (name.ends_with(".json")) name.resize(name.size() - 5);
  return name;
}

/// A folder here as the farm names it, by the first of `roots` ("media=/mnt/media") that it lies in.
Result<std::string> named_folder(const std::string& folder, const std::vector<std::string>& roots) {
  std::error_code failed;
  const std::string path = fs::weakly_canonical(folder, failed).string();
  for (const std::string& root : roots) {
    const std::size_t equals = root.find('=');
    if (equals == 0 || equals == std::string::npos || root.size() < equals + 2 || root[equals + 1] != '/')
      return fail(Errc::invalid_input, "--root \"{}\": write name=/folder, as in media=/mnt/media", root);
    std::string base = fs::weakly_canonical(root.substr(equals + 1), failed).string();
    while (base.ends_with('/')) base.pop_back();
    if (path == base || path.starts_with(base + "/")) return "{" + root.substr(0, equals) + "}" + path.substr(base.size());
  }
  return fail(Errc::invalid_input, "{}: lies in no root of the farm", path);
}

/// One line on the terminal that says how far the job is; nothing elsewhere.
class JobLine {
 public:
  JobLine() : is_shown_(::isatty(STDERR_FILENO) != 0) {}
  ~JobLine() { clear(); }
  void show(const Json& job) {
    const std::string state = job.value("state", "");
    if (!is_shown_) {  // a line for each change of state, as for a log
      if (state != last_state_) fmt::print(stderr, "job {}: {}\n", job.value("id", 0ULL), state);
      last_state_ = state;
      return;
    }
    fmt::print(stderr, "\r{}\x1b[K", job_progress_line(job));
    std::fflush(stderr);
    is_on_screen_ = true;
  }
  void clear() {
    if (is_on_screen_) fmt::print(stderr, "\r\x1b[K");
    is_on_screen_ = false;
  }

 private:
  const bool is_shown_;
  bool is_on_screen_ = false;
  std::string last_state_;
};

bool is_over(const Json& job) {
  const std::string state = job.value("state", "");
  return state == "done" || state == "failed" || state == "cancelled";
}

/// Follows a job to its end and prints what became of it.
int follow_job(FarmClient& client, Json job, const FarmTarget& target) {
  const std::string id = std::to_string(job.value("id", 0ULL));
  JobLine line;
  int lost = 0;
  using Clock = std::chrono::steady_clock;
  const Clock::time_point began = Clock::now();
  Clock::time_point next_look = began;
  while (!is_over(job)) {
    line.show(job);
    std::this_thread::sleep_until(next_look);  // over already where the scheduler waited; one that is busy, or of an earlier release, answers at once
    const auto pause = std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began) / 40, kShortestLook, kLongestLook);
    next_look = Clock::now() + pause;
    Answer<Json> now = client.ask("GET", fmt::format("/jobs/{}?wait_ms={}", id, pause.count()));
    if (auto* error = std::get_if<FarmError>(&now)) {
      // A scheduler that starts again is waited for; one that refuses is not.
      if ((error->http != 0 && error->http != 429 && error->http != 503) || ++lost > kPatience) return line.clear(), report_farm_error(*error, target.json);
      continue;
    }
    lost = 0;
    job = std::get<Json>(std::move(now));
  }
  line.clear();
  if (job.value("state", "") != "done") {
    if (target.json) fmt::print("{}\n", job.dump());
    else fmt::print("{}", job_text(job));
    return kCheckFailed;
  }
  const Answer<Json> outputs = client.ask("GET", "/jobs/" + id + "/outputs");
  if (const auto* error = std::get_if<FarmError>(&outputs)) return report_farm_error(*error, target.json);
  const Json& list = std::get<Json>(outputs);
  if (target.json) {
    job["outputs"] = list.at("outputs");
    fmt::print("{}\n", job.dump());
  } else {
    fmt::print("{}{}", job_text(job), outputs_text(list));
  }
  for (const Json& output : list.at("outputs"))
    if (output.value("verdict", Json()) == "fail") return kCheckFailed;
  return kDone;
}

/// 128 random bits, so that a submission that is sent twice is one job.
std::string random_key() {
  std::array<std::uint8_t, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  return to_hex(bytes);
}

}  // namespace

int run_submit(const SubmitOptions& options) {
  const Result<std::string> text = mix::read_text_file(options.mix);
  if (!text.ok()) return usage_error(text.error().message, {});
  std::vector<std::string> named = options.roots;
  if (const char* all = std::getenv("DUBFARM_ROOTS"); named.empty() && all != nullptr) {
    const std::string list = all;
    for (std::size_t at = 0; at <= list.size() && !list.empty();) {
      const std::size_t end = std::min(list.find(',', at), list.size());
      named.push_back(list.substr(at, end - at));
      at = end + 1;
    }
  }
  const std::string name = options.name.empty() ? name_from(options.mix) : options.name;
  std::string folder = options.folder;
  if (folder.empty()) {
    const Result<std::string> found = named_folder(fs::absolute(options.mix).parent_path().string(), named);
    if (!found.ok())
      return usage_error(found.error().message, "the farm knows files by its roots: say which folder here is which with --root media=/mnt/media (or DUBFARM_ROOTS), or name the mix's folder with --folder {media}/film");
    folder = *found;
  }
  std::string out = options.out.empty() ? "{out}/" + name_from(options.mix) : options.out;
  if (!out.starts_with('{')) {
    const Result<std::string> found = named_folder(fs::absolute(out).string(), named);
    if (!found.ok()) return usage_error(found.error().message, "--out is a folder in one of the farm's roots, as in {out}/film");
    out = *found;
  }

  Answer<FarmClient> connected = FarmClient::connect(options.target);
  if (const auto* error = std::get_if<FarmError>(&connected)) return report_farm_error(*error, options.target.json);
  FarmClient& client = std::get<FarmClient>(connected);
  Json body{{"project", options.project}, {"name", name},         {"mix", *text},           {"folder", folder},
            {"out", out},                 {"version", options.version}, {"deliverable", options.deliverable}, {"priority", options.priority},
            {"tags", options.tags},       {"max_running", options.max_running}, {"profile", options.profile}};
  const Answer<Json> taken = client.ask("POST", "/jobs", &body, random_key());
  if (const auto* error = std::get_if<FarmError>(&taken)) return report_farm_error(*error, options.target.json);
  const Json& job = std::get<Json>(taken);
  if (options.wait) {
    fmt::print(stderr, "job {} of project {}\n", job.value("id", 0ULL), options.project);
    return follow_job(client, job, options.target);
  }
  if (options.target.json) fmt::print("{}\n", job.dump());
  else fmt::print("job {}\n", job.value("id", 0ULL));
  return kDone;
}

int run_watch(const FarmTarget& target, const std::string& job) {
  Answer<FarmClient> connected = FarmClient::connect(target);
  if (const auto* error = std::get_if<FarmError>(&connected)) return report_farm_error(*error, target.json);
  FarmClient& client = std::get<FarmClient>(connected);
  Answer<Json> found = client.ask("GET", "/jobs/" + url_encoded(job));
  if (const auto* error = std::get_if<FarmError>(&found)) return report_farm_error(*error, target.json);
  return follow_job(client, std::get<Json>(std::move(found)), target);
}

}  // namespace dubfarm::cli
