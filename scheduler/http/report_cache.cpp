#include "scheduler/http/report_cache.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "common/io.hpp"
#include "scheduler/delivery/manifest.hpp"
#include "scheduler/http/output_folder.hpp"

namespace dubfarm::http {
namespace {

constexpr std::size_t kKept = 16;
constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;

}  // namespace

std::shared_ptr<const nlohmann::ordered_json> ReportCache::report(const std::string& folder) {
  const std::string name(scheduler::kReportName);
  const Result<Descriptor> file = open_in_folder(folder, name);
  struct stat status{};
  if (!file.ok() || ::fstat(file->get(), &status) != 0 || status.st_size <= 0 || static_cast<std::uint64_t>(status.st_size) > kMostBytes) return nullptr;
  Entry fresh{folder, status.st_ino, static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec, nullptr};
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.folder == folder; });
    if (found != entries_.end()) {
      if (found->inode == fresh.inode && found->bytes == fresh.bytes && found->changed_ns == fresh.changed_ns) {
        entries_.splice(entries_.begin(), entries_, found);
        return entries_.front().report;
      }
      entries_.erase(found);
    }
  }
  std::string text(fresh.bytes, '\0');
  if (!read_exactly_at(*file, 0, std::as_writable_bytes(std::span(text)), folder + "/" + name).ok()) return nullptr;
  nlohmann::ordered_json report = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!report.is_object() || !report.contains("outputs") || !report["outputs"].is_array()) return nullptr;
  fresh.report = std::make_shared<const nlohmann::ordered_json>(std::move(report));
  const std::lock_guard lock(mutex_);
  entries_.push_front(fresh);
  if (entries_.size() > kKept) entries_.pop_back();
  return fresh.report;
}

}  // namespace dubfarm::http
