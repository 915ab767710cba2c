#include "scheduler/delivery/check.hpp"

#include <algorithm>

namespace dubfarm::scheduler {

bool all_pass(const std::vector<Check>& checks) {
  return std::none_of(checks.begin(), checks.end(), [](const Check& check) { return check.result == CheckResult::fail; });
}

}  // namespace dubfarm::scheduler
