// One reel, small and quick to render, that has everything a film has: dialogue by language, music, effects in a room, versions, and
// deliverables of every kind.
#pragma once
#include <string>

#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::testing {

class Reel {
 public:
  /// Writes 70 s of it: chunks of 30, 30 and 10 s. DX (mono) speaks from 5 s and from 40 s, in its language only from 5 s; MX (stereo) plays
  /// throughout; FX (stereo) has a mono source in a room. 24 frames a second, from 01:00:00:00.
  Reel();
  /// Two versions and a stereo deliverable; change it before write().
  Json document;
  void write() { mix = folder.mix(document); }
  /// Renders into `out` with the store `store`, both below the folder.
  [[nodiscard]] CommandResult render(const std::string& out, const std::string& store, std::vector<std::string> more = {}) const;
  [[nodiscard]] Json report(const std::string& out) const { return Json::parse(file_text(folder / out + "/report.json")); }

  MixFolder folder;
  std::string mix;  // path of the document
};

/// {path: SHA-256} of every output in a report.
[[nodiscard]] Json digests(const Json& report);

}  // namespace dubfarm::testing
