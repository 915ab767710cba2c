// Timecode and its exact conversion to frames of audio (mix format, Time; SMPTE ST 12-1 for drop-frame counting).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "common/units.hpp"

namespace dubfarm::mix {

/// A video frame rate, exact: numerator / denominator frames a second; `nominal` is what timecode counts to.
struct FrameRate {
  int numerator = 24;
  int denominator = 1;
  int nominal = 24;
  bool drop_frame = false;
  bool operator==(const FrameRate&) const = default;
};

/// "23.976" "24" "25" "29.97" "29.97df" "30" "47.952" "48" "50" "59.94" "59.94df" "60"; nothing for any other name.
[[nodiscard]] std::optional<FrameRate> frame_rate_named(std::string_view name);
[[nodiscard]] std::string name_of(const FrameRate& rate);

/// Video frames from 00:00:00:00 to `timecode` ("HH:MM:SS:FF"; ";" before the frames for drop-frame rates only; ":" is accepted there too).
/// Errors (Errc::invalid_input): not a timecode; minutes, seconds or frames out of range; ";" at a rate without drop-frame; a label that
/// drop-frame counting skips (such as 00:01:00;00).
[[nodiscard]] Result<std::int64_t> parse_timecode(std::string_view timecode, const FrameRate& rate);
/// The label of a frame number; negative numbers get a leading "-".
[[nodiscard]] std::string format_timecode(std::int64_t video_frames, const FrameRate& rate);

/// round_half_up(video_frames * sample_rate / exact frame rate), exact in integers.
[[nodiscard]] Frames audio_frames(std::int64_t video_frames, int sample_rate, const FrameRate& rate);
/// The video frame that begins nearest to a sample; the later of two that are equally near. Undoes audio_frames().
[[nodiscard]] std::int64_t video_frames(Frames audio_frames, int sample_rate, const FrameRate& rate);

/// The label of the video frame in which frame `at` of the audio lies, where frame 0 has the timecode of video frame `start_frames`.
[[nodiscard]] std::string timecode_at(Frames at, int sample_rate, const FrameRate& rate, std::int64_t start_frames);

}  // namespace dubfarm::mix
