// Delivery specs as data: what a broadcaster, a streaming service or a standard asks of a delivered mix, each number with its place in
// the document that says so. The built-in ones are the files in scheduler/delivery/specs, compiled in; a user's own is a file of the same
// form (docs/formats/spec.md). Threads: every function here is pure and may run on any thread, but for those that read a file.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/mix/document.hpp"
#include "common/mix/parse.hpp"
#include "common/result.hpp"

namespace dubfarm::scheduler {

/// What loudness is measured over. Program: every block that passes the gates of BS.1770-2 to -5 (-70 LUFS, then 10 LU below the mean).
/// Dialogue: the whole mix wherever its dialogue speaks, without the relative gate (BS.1770-1).
enum class Gating : std::uint8_t { program, dialogue };

/// One way to satisfy a spec's loudness: the reading lies in [lowest, highest].
struct LoudnessRule {
  Gating gating = Gating::program;
  std::optional<double> target_lufs;          // what normalisation aims at; absent where the spec accepts a range and prefers nothing
  double lowest_lufs = 0, highest_lufs = 0;   // accepted readings, both ends included
  std::optional<double> speech_at_least;      // the rule is for mixes with this share of speech or more, 0 to 1
  std::optional<double> speech_below;         // the rule is for mixes with a smaller share of speech than this, 0 to 1
  std::string section;                        // where the spec says so
};

/// One bound on a reading. At least one end is there.
struct Limit {
  std::optional<double> min, max;  // in the reading's unit; both ends included
  double meter_tolerance = 0;      // what the spec concedes to meters, in the same unit; a reading beyond a bound by no more than this passes
  bool is_advice = false;          // what the spec recommends; a reading outside is a warning and fails nothing
  std::string section;
};

/// Which stretch of the file the spec judges.
enum class Window : std::uint8_t { file, action };  // action: from the first to the last frame of action (FFOA to LFOA), as "measure" gives it

/// What the spec asks of files. Empty lists and absent values ask nothing.
struct FileDemands {
  std::vector<int> sample_rates;             // Hz
  std::vector<mix::SampleType> sample_types;
  std::vector<Layout> layouts;
  std::optional<mix::Split> split;           // mono: a file for each channel
  std::optional<mix::ChannelOrder> order;
  std::string section;
};

/// How the spec wants files named, for people: no check reads it.
struct Naming {
  std::string pattern, section;
};

struct Spec {
  std::string name;        // "ebu-r128": what "loudness" in a deliverable says
  std::string title;       // "EBU R 128": what messages say
  std::string publisher, edition, date, url;
  bool is_verified = false;  // false: our numbers come from another reader of the document, and should be held against it before they are relied on
  std::string provenance;    // where our numbers come from
  std::string unit = "LUFS"; // or "LKFS": the same number, as the spec writes it
  std::vector<LoudnessRule> loudness;     // alternatives: of the rules that apply to a mix, one must hold; the first that applies is aimed at
  std::optional<Limit> program_lufs;      // programme loudness whatever rule applies (a ceiling)
  std::optional<Limit> true_peak_dbtp;    // of every channel, LFE included
  std::optional<Limit> sample_peak_dbfs;
  std::optional<Limit> max_short_term_lufs, max_momentary_lufs;
  std::optional<Limit> range_lu;           // loudness range, EBU Tech 3342
  std::optional<Limit> dialogue_range_lu;  // loudness range of the dialogue stems alone
  std::optional<Limit> dialogue_ratio_lu;  // loudness-to-dialogue ratio: programme minus dialogue loudness (EBU R 128 s4)
  std::optional<Limit> leqm_db;            // Leq(m), ISO 21727
  Window window = Window::file;
  std::string window_section;
  FileDemands files;
  Naming naming;

  /// Whether a rule of loudness is gated by dialogue.
  [[nodiscard]] bool has_dialogue_rule() const;
  /// Whether any reading that the spec judges needs the dialogue stems.
  [[nodiscard]] bool needs_dialogue() const;
  /// The rules that are for a mix with this share of speech, 0 to 1. Where nobody speaks, or there is no dialogue stem (absent), none of
  /// those that are gated by dialogue.
  [[nodiscard]] std::vector<const LoudnessRule*> rules_for(std::optional<double> speech_share) const;
};

/// Whether a stem of this role speaks, and so opens the dialogue gate: dialogue and narration.
[[nodiscard]] bool is_speech(mix::Role role);

/// `spec` is there exactly when `errors` is empty.
struct SpecOutcome {
  std::optional<Spec> spec;
  std::vector<mix::Diagnostic> errors;  // in document order
};
/// Reads and checks a spec file's text. A limit without the section that it comes from is an error.
[[nodiscard]] SpecOutcome parse_spec(std::string_view text);

/// The specs that are compiled in, by ascending name.
[[nodiscard]] std::span<const Spec> built_in_specs();
/// The built-in spec of that name; nullptr where there is none.
[[nodiscard]] const Spec* find_spec(std::string_view name);

/// Whether the name of a spec means a file: it ends in ".json".
[[nodiscard]] bool is_spec_file(std::string_view name);

/// A built-in spec by its name, or a user's own by its path; a relative path counts from `folder` (empty: the current one).
/// Errors: Errc::not_found (unknown name, with the nearest ones; no such file), Errc::invalid_input (mistakes in the file, each with its
/// place, as mix::format_diagnostics writes them).
[[nodiscard]] Result<Spec> load_spec(const std::string& name, const std::string& folder = "");

/// The specs of a document's deliverables.
struct SpecTable {
  std::vector<std::optional<Spec>> of_deliverable;  // parallel to Document::deliverables; empty where no spec is asked
  std::vector<mix::Diagnostic> errors;              // at the deliverable's "loudness"
};
/// Finds every deliverable's spec. Errors: an unknown name; a user's file that is not there or has mistakes; a spec that is judged by
/// dialogue for a mix in which no bus has the role, or (where the spec offers nothing else) for an output without a dialogue stem.
[[nodiscard]] SpecTable find_specs(const mix::Document& document);

}  // namespace dubfarm::scheduler
