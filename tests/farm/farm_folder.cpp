#include "tests/farm/farm_folder.hpp"

#include <filesystem>
#include <stdexcept>
#include <thread>

#include "common/wire/keys.hpp"

namespace dubfarm::testing {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

}  // namespace

FarmFolder::FarmFolder(Reel& reel_of) : reel(reel_of) {
  std::filesystem::create_directories(folder / "out");
  must(wire::make_scheduler_key(folder / "keys"));
  roots_ = must(cli::MediaRoots::parse({"media=" + reel.folder.path(), "out=" + folder / "out"}));
  store_.emplace(must(Store::open(folder / "store")));
}

farm::Settings FarmFolder::quick() {
  farm::Settings settings;
  settings.ping_interval = farm::Time(200);
  settings.dead_after = farm::Time(1000);
  settings.restart_grace = farm::Time(3000);
  settings.late_tick = farm::Time(700);
  return settings;
}

void FarmFolder::start_scheduler(farm::Settings settings) {
  cli::ServiceOptions options;
  options.state_folder = folder / "state";
  options.keys_folder = folder / "keys";
  options.listen = endpoint;
  options.settings = settings;
  options.is_quiet = true;
  service_ = must(cli::FarmService::start(options, *store_, roots_));
  endpoint = service_->endpoint();  // workers come back to it after a restart
}

std::string FarmFolder::key_of(const std::string& name) {
  const std::string path = folder / ("keys/workers/" + name + ".key");
  if (!std::filesystem::exists(path)) must(wire::make_worker_key(folder / "keys", name, ""));
  return path;
}

std::unique_ptr<Command> FarmFolder::worker(const std::string& name, std::vector<std::string> more) {
  std::vector<std::string> arguments = {"worker", "--scheduler", endpoint, "--key", key_of(name), "--store", folder / "store", "--state", folder / ("worker-" + name),
                                        "--root", "media=" + reel.folder.path(), "--root", "out=" + folder / "out", "--slots", "1"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return std::make_unique<Command>(arguments);
}

http::JobId FarmFolder::submit(const std::string& out, const std::string& version, const std::string& profile) {
  http::SubmitRequest request;
  request.project = "test";
  request.name = "reel";
  request.mix = file_text(reel.mix);
  request.folder = "{media}";
  request.out = "{out}/" + out;
  request.version = version;
  request.profile = profile;
  const http::SubmitOutcome outcome = must(service_->submit(request, {"tester", "127.0.0.1"}));
  if (const auto* problems = std::get_if<std::vector<http::Problem>>(&outcome)) throw std::runtime_error(problems->front().message);
  return std::get<http::JobId>(outcome);
}

http::JobView FarmFolder::wait(http::JobId job, const std::function<bool(const http::JobView&)>& until) {
  http::JobView view;
  for (int i = 0; i < 1200; ++i) {
    const std::optional<http::JobView> now = service_->job(job);
    if (!now) throw std::runtime_error("the job is gone");
    view = *now;
    if (until ? until(view) : http::is_over(view.state)) return view;
    if (http::is_over(view.state)) return view;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return view;
}

Json FarmFolder::digests_of(const std::string& out) const { return digests(Json::parse(file_text(folder / ("out/" + out + "/report.json")))); }

std::string FarmFolder::log() const {
  std::string text;
  for (const http::LogLine& line : service_->log({.job = std::nullopt, .worker = {}, .after = 0, .limit = 1000}))
    text += line.level + " " + (line.job ? std::to_string(*line.job) : "-") + " " + line.worker + " " + line.message + "\n";
  return text;
}

}  // namespace dubfarm::testing
