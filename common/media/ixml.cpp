#include "common/media/ixml.hpp"

#include <fmt/format.h>

namespace dubfarm::media {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (static_cast<unsigned char>(c) < 0x20) out += ' ';  // XML 1.0 has no such characters
    else out += c;
  }
  return out;
}

}  // namespace

std::string ixml_text(const IxmlInfo& info) {
  const std::string rate = fmt::format("{}/{}", info.frame_rate.numerator, info.frame_rate.denominator);
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<BWFXML>\n<IXML_VERSION>1.61</IXML_VERSION>\n";
  const auto line = [&xml](std::string_view name, const std::string& value) { xml += fmt::format("<{}>{}</{}>\n", name, escaped(value), name); };
  line("PROJECT", info.project);
  line("NOTE", info.note);
  xml += "<SPEED>\n";
  line("MASTER_SPEED", rate);
  line("CURRENT_SPEED", rate);
  line("TIMECODE_RATE", rate);
  line("TIMECODE_FLAG", info.frame_rate.drop_frame ? "DF" : "NDF");
  line("FILE_SAMPLE_RATE", fmt::format("{}", info.sample_rate));
  line("AUDIO_BIT_DEPTH", fmt::format("{}", info.bits));
  line("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI", fmt::format("{}", info.time_reference >> 32));
  line("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO", fmt::format("{}", info.time_reference & 0xFFFFFFFF));
  line("TIMESTAMP_SAMPLE_RATE", fmt::format("{}", info.sample_rate));
  xml += "</SPEED>\n<TRACK_LIST>\n";
  line("TRACK_COUNT", fmt::format("{}", info.tracks.size()));
  for (std::size_t i = 0; i < info.tracks.size(); ++i) {
    xml += "<TRACK>\n";
    line("CHANNEL_INDEX", fmt::format("{}", i + 1));
    line("INTERLEAVE_INDEX", fmt::format("{}", i + 1));
    line("NAME", info.tracks[i]);
    xml += "</TRACK>\n";
  }
  return xml + "</TRACK_LIST>\n</BWFXML>\n";
}

}  // namespace dubfarm::media
