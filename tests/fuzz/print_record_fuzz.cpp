// Any text as a print record: refused, or read; what was read is written and read back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scheduler/delivery/print_record.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace scheduler = dubfarm::scheduler;
  const auto record = scheduler::parse_print_record({reinterpret_cast<const char*>(data), size});
  if (!record) return 0;
  const std::string written = scheduler::print_record_json(*record);
  const auto again = scheduler::parse_print_record(written);
  if (!again || scheduler::print_record_json(*again) != written) std::abort();
  return 0;
}
