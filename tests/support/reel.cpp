#include "tests/support/reel.hpp"

namespace dubfarm::testing {

Reel::Reel() {
  constexpr Frames kRate = 48000;
  folder.sound("dialogue/en.wav", white_noise(1, 3 * kRate, 1));
  folder.sound("dialogue/fr.wav", white_noise(1, 3 * kRate, 2));
  folder.sound("breath.wav", white_noise(1, 2 * kRate, 3));
  folder.sound("score.wav", white_noise(2, 70 * kRate, 4, 0.1));
  folder.sound("steps.wav", white_noise(1, 4 * kRate, 5));
  folder.sound("room.wav", decaying_noise(2, kRate / 2, 6));
  document = {
      {"dubfarm", 1},
      {"title", "Reel"},
      {"sample_rate", kRate},
      {"frame_rate", "24"},
      {"start", "01:00:00:00"},
      {"length", "00:01:10:00"},
      {"variables", {{"lang", "en"}}},
      {"buses", {{{"name", "DX"}, {"layout", "mono"}}, {{"name", "MX"}, {"layout", "stereo"}}, {{"name", "FX"}, {"layout", "stereo"}}}},
      {"reverbs", {{{"name", "Room"}, {"ir", "room.wav"}, {"bus", "FX"}, {"layout", "stereo"}, {"gain_db", -6}}}},
      {"tracks",
       {{{"name", "Voice"}, {"bus", "DX"}, {"clips", {{{"file", "dialogue/{lang}.wav"}, {"at", "5s"}}, {{"file", "breath.wav"}, {"at", "40s"}}}},
         {"eq", {{{"type", "highpass"}, {"freq", 80}}}}},
        {{"name", "Score"}, {"bus", "MX"}, {"layout", "stereo"}, {"clips", {{{"file", "score.wav"}, {"at", 0}}}}},
        {{"name", "Steps"}, {"bus", "FX"}, {"clips", {{{"file", "steps.wav"}, {"at", "28s"}}, {{"file", "steps.wav"}, {"at", "61s"}}}}, {"pan", 12},
         {"sends", {{{"to", "Room"}}}}}}},
      {"versions", {{{"name", "en"}}, {{"name", "fr"}, {"set", {{"lang", "fr"}}}}}},
      {"deliverables", {{{"name", "stereo"}, {"layout", "stereo"}, {"file", "{version}/{title}.wav"}, {"bits", 16}}}},
  };
}

CommandResult Reel::render(const std::string& out, const std::string& store, std::vector<std::string> more) const {
  std::vector<std::string> arguments = {"render", mix, "--out", folder / out, "--store", folder / store};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return dubfarm(arguments);
}

Json digests(const Json& report) {
  Json list = Json::object();
  for (const Json& output : report.at("outputs"))
    for (const Json& file : output.at("files")) list[file.at("path").get<std::string>()] = file.at("sha256");
  return list;
}

}  // namespace dubfarm::testing
