#include "cli/client/fetch.hpp"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "common/descriptor.hpp"
#include "common/io.hpp"
#include "common/sha256.hpp"

namespace dubfarm::cli {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

struct Wanted {
  std::string path;
  std::uint64_t bytes = 0;
  std::optional<std::string> sha256;
};
enum class Fetched : std::uint8_t { fetched, was_there };

/// A path that stays below the folder it is put into: what a scheduler names is not trusted to.
bool is_below(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.find('\0') != std::string::npos) return false;
  for (const fs::path& step : fs::path(path))
    if (step == ".." || step == "." || step.empty()) return false;
  return true;
}

class Fetch {
 public:
  Fetch(FarmClient& client, const FetchOptions& options) : client_(client), options_(options), is_terminal_(::isatty(STDERR_FILENO) != 0) {}
  ~Fetch() { clear(); }

  /// One file, under its name only when all of it is there and its sum is right.
  Answer<Fetched> file(const Wanted& wanted) {
    const std::string final_path = options_.out + "/" + wanted.path, part = final_path + ".part";
    const auto failed = [](const Error& error) { return FarmError{error.code == Errc::corrupt ? kCheckFailed : exit_code(error.code), error.message, {}, {}, 0, {}}; };
    if (const fs::path folder = fs::path(final_path).parent_path(); !folder.empty())
      if (const Result<void> made = make_folders(folder.string()); !made.ok()) return failed(made.error());
    struct stat status{};
    if (::stat(final_path.c_str(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) == wanted.bytes && wanted.sha256) {
      const Result<Descriptor> there = open_for_reading(final_path);
      if (there.ok()) {
        const Result<FileHash> hash = sha256_of(*there, final_path);
        if (hash.ok() && hash->sha256 == *wanted.sha256) return Fetched::was_there;
      }
    }
    // What has no sum in the report (the report itself) is small, and fetched anew.
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (wanted.sha256 ? 0 : O_TRUNC);
    const Descriptor into(::open(part.c_str(), flags, 0666));
    if (!into.is_open()) return failed(system_error(errno, part, "write"));
    if (::fstat(into.get(), &status) != 0) return failed(system_error(errno, part, "write"));
    auto at = static_cast<std::uint64_t>(status.st_size);
    if (at > wanted.bytes) {
      if (::ftruncate(into.get(), 0) != 0) return failed(system_error(errno, part, "write"));
      at = 0;
    }
    const std::string path = "/jobs/" + url_encoded(options_.job) + "/files/" + url_encoded(wanted.path);
    for (int tries = 0; at < wanted.bytes;) {
      std::optional<Error> write_error;
      const std::uint64_t before = at;
      const Answer<bool> got = client_.download(path, at, [&](std::string_view bytes) {
        const Result<void> put = write_at(into, static_cast<std::int64_t>(at), std::as_bytes(std::span(bytes)), part);
        if (!put.ok()) write_error = put.error();
        at += bytes.size();
        show(wanted, at);
        return put.ok() && at <= wanted.bytes;
      });
      if (write_error) return failed(*write_error);
      if (at > wanted.bytes) return FarmError{kCheckFailed, fmt::format("{}: is longer than the {} bytes that were announced; is the job being rendered again?", wanted.path, wanted.bytes), {}, {}, 0, {}};
      if (const auto* error = std::get_if<FarmError>(&got)) {
        tries = at > before ? 0 : tries + 1;  // as long as it gets on, it goes on
        if (error->http != 0 || tries >= 5) return *error;
        std::this_thread::sleep_for(std::chrono::milliseconds(400 * tries));
      }
    }
    if (wanted.sha256) {
      const Result<FileHash> hash = sha256_of(into, part);
      if (!hash.ok()) return failed(hash.error());
      if (hash->sha256 != *wanted.sha256) {
        ::unlink(part.c_str());
        return FarmError{kCheckFailed, fmt::format("{}: SHA-256 is {}, the report says {}; what was fetched is thrown away", wanted.path, hash->sha256, *wanted.sha256), "fetch again", {}, 0, {}};
      }
    }
    if (::fsync(into.get()) != 0) return failed(system_error(errno, part, "write"));
    if (::rename(part.c_str(), final_path.c_str()) != 0) return failed(system_error(errno, final_path, "write"));
    return Fetched::fetched;
  }
  void clear() {
    if (is_on_screen_) fmt::print(stderr, "\r\x1b[K");
    is_on_screen_ = false;
  }

 private:
  void show(const Wanted& wanted, std::uint64_t at) {
    const auto now = std::chrono::steady_clock::now();
    if (!is_terminal_ || now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    is_on_screen_ = true;
    fmt::print(stderr, "\r{:3.0f} %  {}\x1b[K", 100.0 * static_cast<double>(at) / static_cast<double>(std::max<std::uint64_t>(1, wanted.bytes)), wanted.path);
  }
  FarmClient& client_;
  const FetchOptions& options_;
  const bool is_terminal_;
  bool is_on_screen_ = false;
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace

int run_fetch(const FetchOptions& options) {
  Answer<FarmClient> connected = FarmClient::connect(options.target);
  if (const auto* error = std::get_if<FarmError>(&connected)) return report_farm_error(*error, options.target.json);
  FarmClient& client = std::get<FarmClient>(connected);
  const Answer<Json> job = client.ask("GET", "/jobs/" + url_encoded(options.job));
  if (const auto* error = std::get_if<FarmError>(&job)) return report_farm_error(*error, options.target.json);
  if (std::get<Json>(job).value("state", "") != "done")
    return report_farm_error({kBadInput, fmt::format("job {} is {}; its files can be fetched when it is done", options.job, std::get<Json>(job).value("state", "")), fmt::format("dubfarm watch {}", options.job), {}, 0, {}}, false);
  const Answer<Json> listed = client.ask("GET", "/jobs/" + url_encoded(options.job) + "/files");
  if (const auto* error = std::get_if<FarmError>(&listed)) return report_farm_error(*error, options.target.json);
  Fetch fetch(client, options);
  Json files = Json::array();
  std::size_t fetched = 0, there = 0;
  for (const Json& entry : std::get<Json>(listed).at("files")) {
    Wanted wanted{entry.value("path", ""), entry.value("bytes", std::uint64_t{0}), std::nullopt};
    if (entry.at("sha256").is_string()) wanted.sha256 = entry.at("sha256").get<std::string>();
    if (::fnmatch(options.files.c_str(), wanted.path.c_str(), 0) != 0) continue;
    if (!is_below(wanted.path)) return report_farm_error({kCheckFailed, fmt::format("the scheduler names a file \"{}\", which would lie outside {}", wanted.path, options.out), {}, {}, 0, {}}, false);
    const Answer<Fetched> done = fetch.file(wanted);
    fetch.clear();
    if (const auto* error = std::get_if<FarmError>(&done)) return report_farm_error(*error, options.target.json);
    const bool is_new = std::get<Fetched>(done) == Fetched::fetched;
    ++(is_new ? fetched : there);
    if (options.target.json) files.push_back({{"path", wanted.path}, {"bytes", wanted.bytes}, {"sha256", entry.at("sha256")}, {"fetched", is_new}});
    else fmt::print("{}  {}{}\n", is_new ? "fetched" : "there  ", wanted.path, wanted.sha256 ? "" : "  (no SHA-256 in the report)");
  }
  if (fetched + there == 0)
    return report_farm_error({kBadInput, fmt::format("no file of job {} matches --files \"{}\"", options.job, options.files), {}, {}, 0, {}}, false);
  if (options.target.json) fmt::print("{}\n", Json{{"job", options.job}, {"files", files}}.dump());
  else fmt::print("{} fetched, {} there already, into {}\n", fetched, there, options.out);
  return kDone;
}

}  // namespace dubfarm::cli
