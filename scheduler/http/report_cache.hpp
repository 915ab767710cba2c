// What a job's report.json says, read again only when the file has changed.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

namespace dubfarm::http {

class ReportCache {
 public:
  /// The report in `folder`; null where there is none, or none that can be read.
  [[nodiscard]] std::shared_ptr<const nlohmann::ordered_json> report(const std::string& folder);

 private:
  struct Entry {
    std::string folder;
    std::uint64_t inode = 0, bytes = 0;
    std::int64_t changed_ns = 0;
    std::shared_ptr<const nlohmann::ordered_json> report;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;  // the last used in front
};

}  // namespace dubfarm::http
