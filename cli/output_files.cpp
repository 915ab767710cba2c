#include "cli/output_files.hpp"

#include "common/media/ixml.hpp"

namespace dubfarm::cli {

void describe_files(const mix::Document& document, const plan::Print& print, const std::string& folder, worker::PrintSpec& spec) {
  const mix::Deliverable& deliverable = document.deliverables[print.deliverable];
  spec.container = deliverable.format;
  spec.bext.description = fmt::format("{} - {} - {}", document.title, document.versions[print.version].name, deliverable.name);
  spec.bext.originator = "dubfarm " DUBFARM_VERSION;
  spec.bext.time_reference = static_cast<std::uint64_t>(mix::audio_frames(document.start_frames, spec.sample_rate, document.frame_rate));
  const auto video_frame = mix::audio_frames(1, spec.sample_rate, document.frame_rate);
  if (deliverable.leader) {
    spec.leader = deliverable.leader->length;
    spec.bext.time_reference -= static_cast<std::uint64_t>(spec.leader);
    if (deliverable.leader->pop) spec.pops.push_back({spec.leader - *deliverable.leader->pop, video_frame});
  }
  if (deliverable.tail) {
    spec.tail = deliverable.tail->length;
    if (deliverable.tail->pop) spec.pops.push_back({spec.leader + spec.length + *deliverable.tail->pop, video_frame});
  }
  const bool has_ixml = deliverable.format != mix::FileFormat::flac && deliverable.format != mix::FileFormat::aiff;
  media::IxmlInfo info;
  info.project = document.title;
  info.note = fmt::format("{} - {}{}, starts at {}", document.versions[print.version].name, deliverable.name,
                          print.bus ? " - " + document.buses[*print.bus].name : "", mix::timecode_at(-spec.leader, spec.sample_rate, document.frame_rate, document.start_frames));
  info.frame_rate = document.frame_rate;
  info.sample_rate = spec.sample_rate;
  info.bits = 8 * media::bytes_per_sample(spec.sample_type);
  info.time_reference = spec.bext.time_reference;
  for (const plan::PrintFile& file : print.files) {
    info.tracks.clear();
    for (const int channel : file.channels) info.tracks.emplace_back(channel_names(print.layout)[static_cast<std::size_t>(channel)]);
    spec.files.push_back({folder + "/" + file.path, file.channels, has_ixml ? media::ixml_text(info) : ""});
  }
}

}  // namespace dubfarm::cli
