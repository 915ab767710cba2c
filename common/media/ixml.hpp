// The iXML chunk of an output: what its channels are, its frame rate and timecode, as field recorders and editors read it.
// Source: iXML specification 1.61 (PROJECT, NOTE, SPEED, TRACK_LIST).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/mix/timecode.hpp"

namespace dubfarm::media {

struct IxmlInfo {
  std::string project;              // the mix's title
  std::string note;
  mix::FrameRate frame_rate;
  int sample_rate = 48000;
  int bits = 24;                    // of a sample
  std::uint64_t time_reference = 0;  // first sample, in samples since midnight
  std::vector<std::string> tracks;  // names of the channels, in the file's order
};

/// The XML text. The same input gives the same bytes; nothing comes from the clock.
[[nodiscard]] std::string ixml_text(const IxmlInfo& info);

}  // namespace dubfarm::media
