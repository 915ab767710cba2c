// Checks: what was measured of an output, beside what its delivery spec asks.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "scheduler/delivery/loudness.hpp"
#include "scheduler/delivery/spec.hpp"

namespace dubfarm::scheduler {

/// A warning is something to look at that fails nothing: advice not followed, a reading within a meter's tolerance of its bound.
enum class CheckResult : std::uint8_t { pass, warning, fail };
[[nodiscard]] std::string_view name_of(CheckResult result);  // "pass", "warning", "fail"

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
  bool is_of_dialogue = false;         // `measured` is the loudness of the mix where its dialogue speaks
  std::string sentence;                // one sentence that needs no engineer: "The French 5.1 is 1.2 LU too loud for EBU R 128."
};

/// No check failed.
[[nodiscard]] bool all_pass(const std::vector<Check>& checks);

/// What is delivered, as far as checks need it beside its readings.
struct DeliveredFile {
  std::string subject;  // how sentences call it: "The French printmaster-51"
  int sample_rate = 48000;
  std::optional<Layout> layout;            // absent: not known
  std::optional<mix::SampleType> sample_type;
  std::optional<mix::Split> split;
  std::optional<mix::ChannelOrder> order;
  bool is_stem = false;    // one stem of a set: its loudness and layout are the printmaster's affair, its peaks and its file are judged
  bool has_window = true;  // the readings are of the stretch that "measure" gives
};

/// How sentences call an output: "The French printmaster-51", "The en-hi stems, DX". Versions named by a language tag (ISO 639-1, with a region
/// or without) are called by the language; "main" is not said.
[[nodiscard]] std::string subject_of(const std::string& version, const std::string& deliverable, const std::optional<std::string>& bus);

/// Every demand of `spec`, in this order: loudness, the ceiling on programme loudness, true peak, sample peak, momentary, short-term, loudness
/// range, dialogue range, loudness-to-dialogue ratio, Leq(m), window, file. A reading is judged rounded to 0.01, as it is shown.
/// Where several loudness rules are for the mix, the check is of the first that holds, or else of the one that is missed by least.
[[nodiscard]] std::vector<Check> check(const LoudnessReading& reading, const Spec& spec, const DeliveredFile& file);

}  // namespace dubfarm::scheduler
