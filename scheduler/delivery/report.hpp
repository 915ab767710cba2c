// report.json: what was rendered, measured and judged (docs/formats/report.schema.json), and the same for people.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/mix/document.hpp"
#include "scheduler/delivery/check.hpp"
#include "scheduler/delivery/loudness.hpp"
#include "scheduler/delivery/series.hpp"

namespace dubfarm::scheduler {

struct ReportFile {
  std::string path;  // relative to the output folder
  std::string sha256;
  std::uint64_t bytes = 0;
  std::vector<std::string> channels;  // names, in the file's order
};
struct ReportOutput {
  std::string version, deliverable;
  std::optional<std::string> bus;  // per_bus deliverables: the stem
  std::string layout;
  std::vector<ReportFile> files;
  LoudnessReading loudness;
  std::int64_t clipped_samples = 0;
  std::optional<Spec> spec;   // what it was judged by
  std::vector<Check> checks;
  Series series;
  std::vector<PeakMark> peaks;
};
/// A stretch of a recut version where nothing of the old timeline stands: the new scenes that need sound.
struct ReportHole {
  Frames from = 0, to = 0;                  // on the version's timeline
  std::string from_timecode, to_timecode;  // of the video frames that begin nearest
};
struct ReportVersion {
  std::string name;
  Frames length = 0;
  bool is_recut = false;
  std::vector<ReportHole> holes;
};
struct Report {
  std::string mix, title;
  int sample_rate = 0;
  Frames length = 0;
  mix::FrameRate frame_rate;
  std::int64_t start_frames = 0;  // timecode of frame 0, in video frames
  std::vector<ReportVersion> versions;
  std::vector<ReportOutput> outputs;
  std::size_t chunks_total = 0, chunks_rendered = 0, chunks_reused = 0;
  std::size_t chunks_lost = 0;  // that the store should have had and did not, or not intact
  std::size_t prints_printed = 0, prints_reused = 0;  // outputs that this run printed; that were there already, or were copied
  double rendered_seconds = 0;  // of audio
  double elapsed_seconds = 0;
  std::string backend;
};

/// The timecode of a frame of the timeline: that of the video frame in which it lies.
[[nodiscard]] std::string timecode_at(const Report& report, Frames at);

/// The document described by docs/formats/report.schema.json, indented, with a final newline.
[[nodiscard]] std::string report_json(const Report& report);
[[nodiscard]] ReportVersion report_version(const mix::Document& document, const mix::Version& version);
/// No check of any output failed.
[[nodiscard]] bool passes(const Report& report);
/// A table: one line an output, with its loudness; what clipped is said. Then the holes of recut versions, what failed, and what should be looked at.
[[nodiscard]] std::string report_table(const Report& report);

}  // namespace dubfarm::scheduler
