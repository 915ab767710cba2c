// Checks: what was measured of an output, beside what is asked of it.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace dubfarm::scheduler {

/// A warning is something to look at that fails nothing: advice not followed, a reading within a meter's tolerance of its bound.
enum class CheckResult : std::uint8_t { pass, warning, fail };

struct Check {
  std::string id;                      // stable, for scripts: "loudness", "true_peak"
  std::string title;                   // "Programme loudness"
  std::optional<double> measured;      // in `unit`; absent where there is no number: silence, or a demand on the file
  std::optional<double> min, max;      // accepted, both ends included
  std::string unit;                    // "LUFS", "dBTP", "LU"; may be empty
  std::string measured_text;           // as people read it: "-21.8 LUFS", "-inf (silence)", "44100 Hz"
  std::string required_text;           // "-23.2 to -22.8 LUFS", "at most -1 dBTP"
  CheckResult result = CheckResult::pass;
  std::string spec, edition, section;  // who asks for it, and where; empty for checks of dubfarm's own
  bool is_verified = true;             // Spec::is_verified
  std::string sentence;                // one sentence that needs no engineer: "The French 5.1 is 1.2 LU too loud for EBU R 128."
};

/// No check failed.
[[nodiscard]] bool all_pass(const std::vector<Check>& checks);

}  // namespace dubfarm::scheduler
