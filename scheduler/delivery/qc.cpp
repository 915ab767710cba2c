#include "scheduler/delivery/qc.hpp"

#include <algorithm>
#include <cmath>

namespace dubfarm::scheduler {
namespace {

constexpr double kLfeHighestHz = 250;
constexpr std::size_t kPlacesNamed = 3;

class Qc {
 public:
  Qc(const QcMaterial& material, const mix::QcSettings& settings) : m_(material), settings_(settings) {}

  std::vector<Check> checks() {
    length();
    for (const QcMaterial::Pop& pop : m_.pops) sync_pop(pop);
    silence();
    channels();
    if (m_.lfe_hz) lfe();
    if (settings_.dropouts) dropouts();
    if (settings_.clicks) clicks();
    if (m_.correlation) phase();
    return std::move(checks_);
  }

 private:
  /// What may be meant: a warning, unless the deliverable is strict.
  [[nodiscard]] CheckResult doubt() const { return settings_.strict ? CheckResult::fail : CheckResult::warning; }
  [[nodiscard]] std::string timecode(Frames at) const { return mix::timecode_at(at, m_.sample_rate, m_.frame_rate, m_.start_frames); }
  [[nodiscard]] std::string_view channel(int index) const { return channel_names(m_.layout)[static_cast<std::size_t>(index)]; }
  /// "01:00:02:03 (L), 01:00:04:00 (C) and 5 more"
  [[nodiscard]] std::string places(const std::vector<QcFault>& faults) const {
    std::string text;
    for (std::size_t i = 0; i < std::min(faults.size(), kPlacesNamed); ++i)
      text += fmt::format("{}{} ({})", i == 0 ? "" : ", ", timecode(faults[i].at), channel(faults[i].channel));
    if (faults.size() > kPlacesNamed) text += fmt::format(" and {} more", faults.size() - kPlacesNamed);
    return text;
  }
  Check& add(std::string id, std::string title, CheckResult result) {
    Check& check = checks_.emplace_back();
    check.id = std::move(id);
    check.title = std::move(title);
    check.result = result;
    return check;
  }

  void length() {
    const auto wrong = std::find_if(m_.file_frames.begin(), m_.file_frames.end(), [&](Frames f) { return f != m_.expected_frames; });
    const Frames found = wrong == m_.file_frames.end() ? m_.expected_frames : *wrong;
    std::int64_t video_frames = m_.length * m_.frame_rate.numerator / (static_cast<std::int64_t>(m_.sample_rate) * m_.frame_rate.denominator);
    while (mix::audio_frames(video_frames + 1, m_.sample_rate, m_.frame_rate) <= m_.length) ++video_frames;
    const Frames beyond = m_.length - mix::audio_frames(video_frames, m_.sample_rate, m_.frame_rate);
    Check& check = add("qc_length", "Length", found != m_.expected_frames ? CheckResult::fail : beyond != 0 ? doubt() : CheckResult::pass);
    check.measured = static_cast<double>(found);
    check.min = check.max = static_cast<double>(m_.expected_frames);
    check.unit = "samples";
    check.measured_text = fmt::format("{} samples", found);
    check.required_text = fmt::format("{} samples, a whole number of video frames", m_.expected_frames);
    if (found != m_.expected_frames)
      check.sentence = fmt::format("A file of {} has {} samples, and the picture asks for {}.", m_.label, found, m_.expected_frames);
    else if (beyond != 0)
      check.sentence = fmt::format("{} ends {} samples after its last whole video frame: the mix's \"length\" is no whole number of frames.", m_.label, beyond);
    else check.sentence = fmt::format("{} is as long as the picture, to the sample.", m_.label);
  }

  void sync_pop(const QcMaterial::Pop& pop) {
    Check& check = add("qc_pop", pop.name, pop.is_found ? CheckResult::pass : CheckResult::fail);
    check.measured_text = pop.is_found ? "there" : "not there";
    check.required_text = fmt::format("one frame of 1 kHz at {}", timecode(pop.at));
    check.sentence = pop.is_found ? fmt::format("The {} of {} is at {}.", pop.name, m_.label, timecode(pop.at))
                                  : fmt::format("The {} of {} is not at {}.", pop.name, m_.label, timecode(pop.at));
  }

  void silence() {
    std::size_t longest = 0, longest_at = 0, begin = 0;
    for (std::size_t b = 0; b < m_.sample_peaks.size(); ++b) {
      if (static_cast<double>(m_.sample_peaks[b]) > m_.silence) begin = b + 1;
      else if (b + 1 - begin > longest) longest = b + 1 - begin, longest_at = begin;
    }
    const Frames at = static_cast<Frames>(longest_at) * m_.subblock_frames;
    const double seconds = static_cast<double>(std::min(static_cast<Frames>(longest) * m_.subblock_frames, m_.length - at)) / m_.sample_rate;
    const double limit = static_cast<double>(settings_.silence) / m_.sample_rate;
    const bool is_all = longest > 0 && longest == m_.sample_peaks.size();
    Check& check = add("qc_silence", "Digital silence", is_all || seconds > limit ? doubt() : CheckResult::pass);
    check.measured = seconds;
    check.max = limit;
    check.unit = "s";
    check.measured_text = longest == 0 ? "none" : fmt::format("{:.2f} s at {}", seconds, timecode(at));
    check.required_text = fmt::format("at most {:g} s", limit);
    check.sentence = is_all          ? fmt::format("{} is silent from end to end.", m_.label)
                     : seconds > limit ? fmt::format("{} is silent for {:.1f} s from {}.", m_.label, seconds, timecode(at))
                                       : fmt::format("{} is nowhere silent for more than {:g} s.", m_.label, limit);
  }

  void channels() {
    if (std::all_of(m_.channel_peaks.begin(), m_.channel_peaks.end(), [&](double p) { return p <= m_.silence; })) return;  // said by silence()
    std::string empty;
    int count = 0;
    const auto lfe_at = lfe_channel(m_.layout);
    for (std::size_t c = 0; c < m_.channel_peaks.size(); ++c)
      if (m_.channel_peaks[c] <= m_.silence && (!lfe_at || *lfe_at != static_cast<int>(c))) {
        empty += fmt::format("{}{}", empty.empty() ? "" : ", ", channel(static_cast<int>(c)));
        ++count;
      }
    Check& check = add("qc_channels", "Channels in use", count > 0 ? doubt() : CheckResult::pass);
    check.measured = count;
    check.max = 0;
    check.measured_text = count == 0 ? "all carry sound" : empty + " empty";
    check.required_text = "sound in every channel but the LFE";
    check.sentence = count == 0 ? fmt::format("Every channel of {} carries sound.", m_.label)
                                : fmt::format("{} has no sound in {}.", m_.label, empty);
  }

  void lfe() {
    const bool is_wide = *m_.lfe_hz > kLfeHighestHz;
    Check& check = add("qc_lfe", "LFE content", is_wide ? doubt() : CheckResult::pass);
    check.measured = *m_.lfe_hz;
    check.max = kLfeHighestHz;
    check.unit = "Hz";
    check.measured_text = fmt::format("around {:.0f} Hz", *m_.lfe_hz);
    check.required_text = fmt::format("around {:.0f} Hz or lower", kLfeHighestHz);
    check.sentence = is_wide ? fmt::format("The LFE of {} carries full-band sound (around {:.0f} Hz): a channel in the wrong place, or a send without a low-pass.",
                                           m_.label, *m_.lfe_hz)
                             : fmt::format("The LFE of {} carries low frequencies only.", m_.label);
  }

  void dropouts() {
    Check& check = add("qc_dropouts", "Dropouts", m_.dropouts.empty() ? CheckResult::pass : doubt());
    check.measured = static_cast<double>(m_.dropouts.size());
    check.max = 0;
    check.measured_text = m_.dropouts.empty() ? "none" : fmt::format("{}: {}", m_.dropouts.size(), places(m_.dropouts));
    check.required_text = "no 1 to 80 ms of zeros or one value inside sound";
    check.sentence = m_.dropouts.empty() ? fmt::format("{} has no dropouts.", m_.label)
                                         : fmt::format("The sound of {} drops out at {}.", m_.label, places(m_.dropouts));
  }

  void clicks() {
    const std::size_t count = m_.seam_clicks.size() + m_.edit_clicks.size();
    Check& check = add("qc_clicks", "Clicks at edits and seams", count > 0 ? doubt() : CheckResult::pass);
    check.measured = static_cast<double>(count);
    check.max = 0;
    std::vector<QcFault> all = m_.edit_clicks;
    all.insert(all.end(), m_.seam_clicks.begin(), m_.seam_clicks.end());
    std::sort(all.begin(), all.end(), [](const QcFault& a, const QcFault& b) { return std::pair(a.at, a.channel) < std::pair(b.at, b.channel); });
    check.measured_text = count == 0 ? fmt::format("none at {} places", m_.places) : fmt::format("{}: {}", count, places(all));
    check.required_text = "no step 12 dB above its surroundings";
    if (count > 0 && m_.seam_clicks.empty())
      check.sentence = fmt::format("{} may click where a clip begins or ends, at {}: listen there; a short fade mends it.", m_.label, places(all));
    else if (count > 0)
      check.sentence = fmt::format("{} may click at {}, where a clip begins or ends or rendered pieces meet: listen there.", m_.label, places(all));
    else check.sentence = fmt::format("{} does not click at any edit.", m_.label);
  }

  void phase() {
    const bool is_out = *m_.correlation < settings_.correlation;
    Check& correlation = add("qc_phase", "Phase correlation", is_out ? doubt() : CheckResult::pass);
    correlation.measured = *m_.correlation;
    correlation.min = settings_.correlation;
    correlation.measured_text = fmt::format("{:+.2f}", *m_.correlation);
    correlation.required_text = fmt::format("{:+.2f} or more", settings_.correlation);
    correlation.sentence = is_out ? fmt::format("Left and right of {} work against each other (correlation {:+.2f}).", m_.label, *m_.correlation)
                                  : fmt::format("Left and right of {} go together.", m_.label);
    const bool is_lost = *m_.mono_loss_db > settings_.mono_loss_db;
    Check& mono = add("qc_mono", "Mono compatibility", is_lost ? doubt() : CheckResult::pass);
    mono.measured = *m_.mono_loss_db;
    mono.max = settings_.mono_loss_db;
    mono.unit = "dB";
    mono.measured_text = fmt::format("{:.1f} dB lost", *m_.mono_loss_db);
    mono.required_text = fmt::format("at most {:g} dB", settings_.mono_loss_db);
    mono.sentence = is_lost ? fmt::format("{} loses {:.1f} dB when it is heard in mono.", m_.label, *m_.mono_loss_db)
                            : fmt::format("{} folds to mono.", m_.label);
  }

  const QcMaterial& m_;
  const mix::QcSettings& settings_;
  std::vector<Check> checks_;
};

}  // namespace

std::vector<Check> qc_checks(const QcMaterial& material, const mix::QcSettings& settings) { return Qc(material, settings).checks(); }

}  // namespace dubfarm::scheduler
