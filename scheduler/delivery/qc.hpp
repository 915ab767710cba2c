// Quality control as checks: what was found in the delivered samples, held against the deliverable's limits (mix format, Quality control).
// Failures are for what cannot be meant (a length, a missing sync pop); what may be art is a warning, unless the deliverable is "strict".
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/layout.hpp"
#include "common/mix/document.hpp"
#include "common/units.hpp"
#include "scheduler/delivery/check.hpp"

namespace dubfarm::scheduler {

/// A fault at a place. Channels count in the layout.
struct QcFault {
  Frames at = 0, length = 0;
  int channel = 0;
};

/// What was found in one output.
struct QcMaterial {
  std::string label;  // "fr stereo", for sentences
  Layout layout = Layout::stereo;
  int sample_rate = 48000;
  mix::FrameRate frame_rate;
  std::int64_t start_frames = 0;       // timecode of frame 0, in video frames
  Frames length = 0;                   // of the timeline
  Frames expected_frames = 0;          // of a file: the timeline, leader and tail
  std::vector<Frames> file_frames;     // of each file, as its finished header says
  Frames subblock_frames = 0;
  std::span<const float> sample_peaks; // linear, one for each sub-block, the highest of all channels
  std::vector<double> channel_peaks;   // linear, [channels]
  double silence = 0;                  // linear: what does not exceed it is silent
  std::vector<QcFault> dropouts, seam_clicks, edit_clicks;  // by time
  std::size_t places = 0;              // seams and edits that were looked at
  std::optional<double> correlation;   // stereo that sounds, over all of it
  std::optional<double> mono_loss_db;  // the same: mono fold-down against the power of both; 0: nothing lost, 3: nothing in common
  std::optional<double> lfe_hz;        // an LFE that sounds: where its energy lies
  struct Pop {
    std::string name;       // "2-pop", "tail pop"
    Frames at = 0;          // of the timeline: negative before its start
    bool is_found = false;  // the delivered files hold it there, in every channel
  };
  std::vector<Pop> pops;
};

[[nodiscard]] std::vector<Check> qc_checks(const QcMaterial& material, const mix::QcSettings& settings);

}  // namespace dubfarm::scheduler
