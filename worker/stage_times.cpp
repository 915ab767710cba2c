#include "worker/stage_times.hpp"

#include <fmt/format.h>

namespace dubfarm::worker {

std::string_view name_of(Stage stage) {
  constexpr std::string_view kNames[kStages] = {"read", "upload", "decode", "eq", "sum", "convolve", "download", "render", "hash, write", "print"};
  return kNames[static_cast<std::size_t>(stage)];
}

std::string StageTimes::table(double wall_seconds, int threads) const {
  std::string text = fmt::format("{:<12} {:>10} {:>7} {:>10} {:>9}\n", "stage", "busy s", "share", "MB", "MB/s");
  Stage longest = Stage::read;
  const double all = wall_seconds * threads;
  for (int s = 0; s < kStages; ++s) {
    const auto stage = static_cast<Stage>(s);
    const double busy = seconds(stage), megabytes = static_cast<double>(bytes(stage)) / 1e6;
    if (busy == 0 && megabytes == 0) continue;
    if (busy > seconds(longest)) longest = stage;
    text += fmt::format("{:<12} {:>10.3f} {:>5.0f} % {:>10.1f} {:>9}\n", name_of(stage), busy, all > 0 ? 100 * busy / all : 0, megabytes,
                        busy > 0 && megabytes > 0 ? fmt::format("{:.0f}", megabytes / busy) : "");
  }
  if (spared() > 0) text += fmt::format("not uploaded: {:.1f} MB of sources that were on the device\n", static_cast<double>(spared()) / 1e6);
  return text + fmt::format("bottleneck: {} ({:.3f} s of {:.3f} s on {} threads)\n", name_of(longest), seconds(longest), all, threads);
}

}  // namespace dubfarm::worker
