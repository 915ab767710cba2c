#include "cli/verify.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "cli/exit_code.hpp"
#include "common/machine.hpp"
#include "common/mix/parse.hpp"
#include "common/parallel.hpp"
#include "common/sha256.hpp"
#include "scheduler/delivery/manifest.hpp"

namespace dubfarm::cli {
namespace fs = std::filesystem;
namespace {

using scheduler::FileSum;

struct Problem {
  std::string path, kind, message;
};

/// The line that a terminal shows while files are read.
class Progress {
 public:
  explicit Progress(std::uint64_t total) : total_(total), is_shown_(::isatty(STDERR_FILENO) != 0) {}
  ~Progress() {
    if (is_on_screen_) fmt::print(stderr, "\r\x1b[K");
  }
  void add(std::uint64_t bytes) {
    const std::uint64_t done = done_ += bytes;
    const std::unique_lock lock(mutex_, std::try_to_lock);
    const auto now = std::chrono::steady_clock::now();
    if (!is_shown_ || !lock.owns_lock() || now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    is_on_screen_ = true;
    const auto mega = [](std::uint64_t b) { return static_cast<double>(b) / 1e6; };
    fmt::print(stderr, "\r{:3.0f} %  {:.0f} of {:.0f} MB\x1b[K", 100.0 * static_cast<double>(done) / static_cast<double>(std::max<std::uint64_t>(1, total_)),
               mega(done), mega(total_));
  }

 private:
  const std::uint64_t total_;
  const bool is_shown_;
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex mutex_;  // guards what follows
  bool is_on_screen_ = false;
  std::chrono::steady_clock::time_point last_{};
};

std::string beginning(const std::string& sha256) { return sha256.substr(0, 16); }

/// Every file below the folder, relative, sorted; links are named, not followed.
Result<std::vector<std::string>> files_in(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end; at.increment(failure))
    if (at->is_symlink() || !at->is_directory()) paths.push_back(fs::path(at->path()).lexically_relative(folder).generic_string());
  if (failure) return system_error(failure.value(), folder, "list the files of");
  std::sort(paths.begin(), paths.end());
  return paths;
}

class Verification {
 public:
  Verification(std::string folder, std::vector<FileSum> sums) : folder_(std::move(folder)), sums_(std::move(sums)) {}

  Result<void> run(int threads) {
    std::uint64_t total = 0;
    for (const FileSum& sum : sums_) {
      std::error_code none;
      const std::uintmax_t size = fs::file_size(whole(sum.path), none);
      if (!none) total += size;
    }
    Progress progress(total);
    parallel_for(sums_.size(), threads, [&](std::size_t i) { check_file(sums_[i], progress); });
    for (const FileSum& sum : sums_) sum_of_[sum.path] = sum.sha256;
    check_manifest();
    check_report();
    TRY_ASSIGN(const std::vector<std::string> present, files_in(folder_));
    for (const std::string& path : present)
      if (path != scheduler::kSumsName && !sum_of_.contains(path))
        problems_.push_back({path, "extra", "no file of this name was delivered; take it out of the folder"});
    std::sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) { return std::tie(a.path, a.kind) < std::tie(b.path, b.kind); });
    return {};
  }

  int print(bool json) const {
    std::set<std::string> wrong;
    for (const Problem& problem : problems_) wrong.insert(problem.path);
    if (json) {
      nlohmann::ordered_json list = nlohmann::ordered_json::array();
      for (const Problem& p : problems_) list.push_back({{"path", p.path}, {"kind", p.kind}, {"message", p.message}});
      const nlohmann::ordered_json result = {{"pass", problems_.empty()}, {"files", sums_.size()}, {"bytes", bytes_.load()}, {"problems", list}};
      fmt::print("{}\n", result.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    } else {
      for (const Problem& p : problems_) fmt::print("{}: {}: {}\n", p.kind, p.path, p.message);
      if (problems_.empty()) fmt::print("{} files, {:.1f} MB: all as they were delivered\n", sums_.size(), static_cast<double>(bytes_.load()) / 1e6);
      else fmt::print("{} of {} files are not as they were delivered\n", wrong.size(), std::max(sums_.size(), wrong.size()));
    }
    return problems_.empty() ? kDone : kCheckFailed;
  }

 private:
  [[nodiscard]] std::string whole(const std::string& path) const { return folder_ + "/" + path; }

  void check_file(const FileSum& sum, Progress& progress) {
    const auto note = [&](std::string kind, std::string message) {
      const std::lock_guard lock(mutex_);
      problems_.push_back({sum.path, std::move(kind), std::move(message)});
    };
    std::error_code failure;
    const fs::file_status status = fs::status(whole(sum.path), failure);
    if (status.type() == fs::file_type::not_found) return note("missing", "it was delivered and is not there; fetch it again, or render again");
    if (status.type() != fs::file_type::regular) return note("unreadable", "it is no regular file");
    const Result<Descriptor> file = open_for_reading(whole(sum.path));
    if (!file.ok()) return note("unreadable", file.error().message);
    const Result<FileHash> hash = sha256_of(*file, whole(sum.path), [&](std::uint64_t bytes) { progress.add(bytes); });
    if (!hash.ok()) return note("unreadable", hash.error().message);
    bytes_ += hash->bytes;
    if (hash->sha256 != sum.sha256)
      note("altered", fmt::format("its SHA-256 begins {}, that of the delivered file {}; fetch it again, or render again", beginning(hash->sha256),
                                  beginning(sum.sha256)));
  }

  /// The text of a list that SHA256SUMS names; nothing where that is a problem noted already, or one to note here.
  std::optional<std::string> list_text(std::string_view name) {
    if (!sum_of_.contains(std::string(name))) {
      problems_.push_back({std::string(name), "disagrees", fmt::format("{} does not name it; render again", scheduler::kSumsName)});
      return std::nullopt;
    }
    Result<std::string> text = mix::read_text_file(whole(std::string(name)));
    if (!text.ok()) return std::nullopt;
    return std::move(text).value();
  }
  void check_list(std::string_view name, const Result<std::vector<FileSum>>& named) {
    if (!named.ok()) return problems_.push_back({std::string(name), "unreadable", named.error().message});
    for (const FileSum& sum : *named) {
      const auto found = sum_of_.find(sum.path);
      if (found == sum_of_.end())
        problems_.push_back({sum.path, "disagrees", fmt::format("{} names it, {} does not", name, scheduler::kSumsName)});
      else if (found->second != sum.sha256)
        problems_.push_back({sum.path, "disagrees", fmt::format("its SHA-256 begins {} in {} and {} in {}", beginning(sum.sha256), name,
                                                                beginning(found->second), scheduler::kSumsName)});
    }
  }
  void check_manifest() {
    const auto text = list_text(scheduler::kManifestName);
    if (!text) return;
    const Result<scheduler::Manifest> manifest = scheduler::parse_manifest(*text, whole(std::string(scheduler::kManifestName)));
    if (!manifest.ok()) return check_list(scheduler::kManifestName, manifest.error());
    std::vector<FileSum> sums;
    for (const scheduler::ManifestFile& file : manifest->files) {
      sums.push_back({file.path, file.sha256});
      std::error_code failure;
      const std::uintmax_t size = fs::file_size(whole(file.path), failure);
      if (failure || size == file.bytes) continue;
      const auto known = std::find_if(problems_.begin(), problems_.end(), [&](const Problem& p) { return p.path == file.path && p.kind == "altered"; });
      if (known != problems_.end()) known->message = fmt::format("it has {} bytes, the delivered file had {}; fetch it again, or render again", size, file.bytes);
      else problems_.push_back({file.path, "disagrees", fmt::format("it has {} bytes, and {} in {}", size, file.bytes, scheduler::kManifestName)});
    }
    check_list(scheduler::kManifestName, sums);
  }
  void check_report() {
    if (const auto text = list_text(scheduler::kReportName))
      check_list(scheduler::kReportName, scheduler::parse_report_sums(*text, whole(std::string(scheduler::kReportName))));
  }

  const std::string folder_;
  const std::vector<FileSum> sums_;
  std::map<std::string, std::string> sum_of_;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::mutex mutex_;  // guards problems_ while files are hashed
  std::vector<Problem> problems_;
};

int refuse(const std::string& message, bool json) {
  fmt::print(stderr, "error: {}\n", message);
  if (json) fmt::print("{}\n", nlohmann::ordered_json({{"error", message}}).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  return kBadInput;
}

}  // namespace

int run_verify(const std::string& folder, bool json, int threads) {
  if (threads <= 0) threads = usable_processors();
  const std::string list = fmt::format("{}/{}", folder, scheduler::kSumsName);
  std::error_code failure;
  if (!fs::is_directory(folder, failure)) return refuse(fmt::format("{}: no folder of this name", folder), json);
  const Result<std::string> text = mix::read_text_file(list);
  if (!text.ok() && text.error().code == Errc::not_found)
    return refuse(fmt::format("{}: no {} here; name the folder that `dubfarm render --out` wrote", folder, scheduler::kSumsName), json);
  if (!text.ok()) return refuse(text.error().message, json);
  Result<std::vector<FileSum>> sums = scheduler::parse_sha256sums(*text, list);
  if (!sums.ok()) return refuse(sums.error().message, json);
  Verification verification(folder, std::move(*sums));
  if (const Result<void> done = verification.run(threads); !done.ok()) {
    fmt::print(stderr, "error: {}\n", done.error().message);
    return exit_code(done.error().code);
  }
  return verification.print(json);
}

}  // namespace dubfarm::cli
