// Any text as SHA256SUMS, manifest.json and report.json: refused, or read; what was read is written and read back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scheduler/delivery/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace scheduler = dubfarm::scheduler;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto sums = scheduler::parse_sha256sums(text, "S"); sums.ok()) {
    const std::string written = scheduler::sha256sums_text(*sums);
    const auto again = scheduler::parse_sha256sums(written, "S");
    if (!again.ok() || scheduler::sha256sums_text(*again) != written) std::abort();
  }
  if (const auto manifest = scheduler::parse_manifest(text, "m"); manifest.ok()) {
    const std::string written = scheduler::manifest_json(*manifest);
    const auto again = scheduler::parse_manifest(written, "m");
    if (!again.ok() || scheduler::manifest_json(*again) != written) std::abort();
  }
  (void)scheduler::parse_report_sums(text, "r");
  return 0;
}
