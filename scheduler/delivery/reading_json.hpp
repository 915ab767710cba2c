// Readings, specs and checks as JSON, alike in report.json and in what `dubfarm measure --json` prints (docs/formats/report.schema.json).
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "scheduler/delivery/check.hpp"

namespace dubfarm::scheduler {

/// Numbers are rounded to 0.001; null is a value that does not exist. Where there is no integrated loudness, "in_words" says why.
[[nodiscard]] nlohmann::ordered_json loudness_json(const LoudnessReading& reading, std::optional<Layout> layout);
[[nodiscard]] nlohmann::ordered_json spec_json(const Spec& spec);
[[nodiscard]] nlohmann::ordered_json checks_json(const std::vector<Check>& checks);

/// The checks that did not pass, for people: a line each, "FAIL: sentence (spec edition, section)"; warnings begin "warning:". Empty where all passed.
[[nodiscard]] std::string faults_text(const std::vector<Check>& checks);

}  // namespace dubfarm::scheduler
