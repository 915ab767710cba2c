// A small valid mix for tests: each part can be replaced by one that the test is about.
// Buses: DX and FX and MX in 5.1 (stems), FOL stereo into FX. Reverb: Hall.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "common/mix/parse.hpp"

namespace dubfarm::mix {

struct MixText {
  std::string clock = R"("sample_rate": 48000, "frame_rate": "24", "start": "01:00:00:00", "length": "00:01:00:00",)";
  std::string variables = "";
  std::string buses =
      R"({"name": "DX", "layout": "5.1"}, {"name": "FX", "layout": "5.1"}, {"name": "MX", "layout": "5.1"}, {"name": "FOL", "layout": "stereo", "bus": "FX"})";
  std::string reverbs = R"({"name": "Hall", "ir": "hall.wav", "bus": "FX", "layout": "5.1"})";
  std::string tracks = "";
  std::string versions = "";
  std::string deliverables = R"({"name": "main", "layout": "5.1", "file": "{title}_{version}.wav"})";

  [[nodiscard]] std::string text() const {
    return "{\"dubfarm\": 1, \"title\": \"Night Train\",\n" + clock + "\n" + variables + "\n\"buses\": [" + buses + "],\n\"reverbs\": [" +
           reverbs + "],\n\"tracks\": [" + tracks + "],\n" + versions + "\n\"deliverables\": [" + deliverables + "]}\n";
  }
};

/// The document, which must be valid.
inline Document parsed(const MixText& mix) {
  ParseOutcome outcome = parse_mix(mix.text(), "reel/night.mix.json");
  for (const Diagnostic& error : outcome.errors) ADD_FAILURE() << error.place.pointer << ": " << error.message;
  return outcome.document ? std::move(*outcome.document) : Document{};
}

/// "pointer: message" for each mistake, a line each; "valid" where there is none.
inline std::string mistakes(const std::string& text) {
  const ParseOutcome outcome = parse_mix(text, "night.mix.json");
  EXPECT_EQ(outcome.document.has_value(), outcome.errors.empty());
  if (outcome.errors.empty()) return "valid";
  std::string out;
  for (const Diagnostic& error : outcome.errors) out += (out.empty() ? "" : "\n") + error.place.pointer + ": " + error.message;
  return out;
}
inline std::string mistakes(const MixText& mix) { return mistakes(mix.text()); }

}  // namespace dubfarm::mix
