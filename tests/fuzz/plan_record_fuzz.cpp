// Any text as a plan record: refused, or read; what was read is written and read back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scheduler/plan/plan_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace plan = dubfarm::plan;
  const auto record = plan::parse_plan_record({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  const std::string written = plan::plan_record_json(*record);
  const auto again = plan::parse_plan_record(written);
  if (!again || plan::plan_record_json(*again) != written) std::abort();
  return 0;
}
