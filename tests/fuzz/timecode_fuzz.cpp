// Any text as timecode at every rate: refused, or a frame number whose label means the same frame.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/mix/timecode.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace mix = dubfarm::mix;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"23.976", "24", "25", "29.97", "29.97df", "30", "47.952", "48", "50", "59.94", "59.94df", "60"}) {
    const mix::FrameRate rate = mix::frame_rate_named(name).value();
    const auto frames = mix::parse_timecode(text, rate);
    if (!frames.ok()) continue;
    const auto again = mix::parse_timecode(mix::format_timecode(*frames, rate), rate);
    if (!again.ok() || *again != *frames) std::abort();
    if (mix::audio_frames(*frames, 48000, rate) < 0) std::abort();
  }
  return 0;
}
