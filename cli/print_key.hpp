// What a print is known by: everything that decides its bytes and what is reported of them, but not where its files lie.
#pragma once
#include "common/mix/document.hpp"
#include "common/program/program.hpp"
#include "scheduler/delivery/spec.hpp"
#include "scheduler/plan/plan.hpp"
#include "worker/print.hpp"

namespace dubfarm::cli {

/// Raised whenever a change to printing, measuring or quality control alters a byte of an output, or a figure that is reported of it, for blobs that
/// are the same: what was printed before is then printed again.
inline constexpr int kPrintVersion = 2;

/// SHA-256 of canonical bytes (as programs have them: little-endian, length-prefixed, doubles by their bits). In them: dubfarm's version and
/// kPrintVersion; every field of `spec` but the paths and the gain's value; what the deliverable measures and what its quality control
/// looks for; the names and timecodes that the report's sentences use.
/// @param gain  gain_key() of its master, where that is normalised; the gain itself follows from it.
[[nodiscard]] program::Key print_key(const mix::Document& document, const plan::Print& print, const worker::PrintSpec& spec, const std::optional<program::Key>& gain);

/// The same of a search for a gain: the sum that is measured, what it is to reach, and within which limits.
/// @param sum  of the master: stems, layout, length, limiter.
[[nodiscard]] program::Key gain_key(const mix::Deliverable& deliverable, const worker::PrintSpec& sum, const scheduler::Spec& spec, double max_reduction_db);

/// The same of stems held against their printmaster: the keys of its print and theirs, and how it takes them in.
[[nodiscard]] program::Key stem_null_key(const program::Key& master, const std::vector<program::Key>& stems, const std::vector<Matrix>& matrices);

}  // namespace dubfarm::cli
