#include "common/mix/timecode.hpp"

#include <array>
#include <cstdlib>

namespace dubfarm::mix {
namespace {

struct NamedRate {
  std::string_view name;
  FrameRate rate;
};
constexpr std::array<NamedRate, 12> kRates = {{{"23.976", {24000, 1001, 24, false}},
                                               {"24", {24, 1, 24, false}},
                                               {"25", {25, 1, 25, false}},
                                               {"29.97", {30000, 1001, 30, false}},
                                               {"29.97df", {30000, 1001, 30, true}},
                                               {"30", {30, 1, 30, false}},
                                               {"47.952", {48000, 1001, 48, false}},
                                               {"48", {48, 1, 48, false}},
                                               {"50", {50, 1, 50, false}},
                                               {"59.94", {60000, 1001, 60, false}},
                                               {"59.94df", {60000, 1001, 60, true}},
                                               {"60", {60, 1, 60, false}}}};

/// Labels skipped at the start of each minute but every tenth (SMPTE ST 12-1): 2 at 30, 4 at 60.
int dropped_per_minute(const FrameRate& rate) { return rate.drop_frame ? rate.nominal / 15 : 0; }

__extension__ using Wide = __int128;

/// round_half_up(over / under)
std::int64_t divided_half_up(Wide over, Wide under) {
  over = 2 * over + under, under *= 2;
  return static_cast<std::int64_t>(over / under - (over % under < 0 ? 1 : 0));  // division rounds towards zero; this rounds down
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::optional<FrameRate> frame_rate_named(std::string_view name) {
  for (const NamedRate& known : kRates)
    if (known.name == name) return known.rate;
  return std::nullopt;
}

std::string name_of(const FrameRate& rate) {
  for (const NamedRate& known : kRates)
    if (known.rate == rate) return std::string(known.name);
  return fmt::format("{}/{}", rate.numerator, rate.denominator);
}

Result<std::int64_t> parse_timecode(std::string_view timecode, const FrameRate& rate) {
  const auto not_a_timecode = [&] { return fail(Errc::invalid_input, "\"{}\" is not a timecode of the form HH:MM:SS:FF", timecode); };
  if (timecode.size() != 11) return not_a_timecode();
  std::array<int, 4> part{};
  for (std::size_t i = 0; i < 4; ++i) {
    const char tens = timecode[3 * i], ones = timecode[3 * i + 1];
    if (!is_digit(tens) || !is_digit(ones)) return not_a_timecode();
    part[i] = (tens - '0') * 10 + (ones - '0');
  }
  const bool semicolon = timecode[8] == ';';
  if (timecode[2] != ':' || timecode[5] != ':' || (timecode[8] != ':' && !semicolon)) return not_a_timecode();
  const auto [hours, minutes, seconds, frames] = part;
  if (semicolon && !rate.drop_frame)
    return fail(Errc::invalid_input, "\"{}\" is drop-frame timecode, and {} frames a second has none; write \":\" before the frames",
                timecode, name_of(rate));
  if (minutes > 59) return fail(Errc::invalid_input, "\"{}\" has {} minutes; an hour has 0 to 59", timecode, minutes);
  if (seconds > 59) return fail(Errc::invalid_input, "\"{}\" has {} seconds; a minute has 0 to 59", timecode, seconds);
  if (frames >= rate.nominal)
    return fail(Errc::invalid_input, "\"{}\" has frame {}; at {} frames a second they run from 0 to {}", timecode, frames, name_of(rate),
                rate.nominal - 1);
  const int dropped = dropped_per_minute(rate);
  if (seconds == 0 && frames < dropped && minutes % 10 != 0)
    return fail(Errc::invalid_input, "\"{}\" does not exist: drop-frame counting skips frames 0 to {} there; the next label is \"{}{:02}\"",
                timecode, dropped - 1, timecode.substr(0, 9), dropped);
  const std::int64_t whole_minutes = std::int64_t{hours} * 60 + minutes;
  return (whole_minutes * 60 + seconds) * rate.nominal + frames - dropped * (whole_minutes - whole_minutes / 10);
}

std::string format_timecode(std::int64_t video_frames, const FrameRate& rate) {
  std::uint64_t n = video_frames < 0 ? 0 - static_cast<std::uint64_t>(video_frames) : static_cast<std::uint64_t>(video_frames);
  const auto nominal = static_cast<std::uint64_t>(rate.nominal);
  if (rate.drop_frame) {  // add the skipped labels back: ten minutes hold one full minute and nine short ones
    const auto dropped = static_cast<std::uint64_t>(dropped_per_minute(rate));
    const std::uint64_t per_minute = nominal * 60 - dropped, per_ten = per_minute * 10 + dropped;
    const std::uint64_t tens = n / per_ten, rest = n % per_ten;
    n += tens * 9 * dropped + (rest >= nominal * 60 ? dropped * ((rest - dropped) / per_minute) : 0);
  }
  const std::uint64_t seconds = n / nominal;
  return fmt::format("{}{:02}:{:02}:{:02}{}{:02}", video_frames < 0 ? "-" : "", seconds / 3600, seconds / 60 % 60, seconds % 60,
                     rate.drop_frame ? ';' : ':', n % nominal);
}

Frames audio_frames(std::int64_t video_frames, int sample_rate, const FrameRate& rate) {
  return divided_half_up(Wide{video_frames} * sample_rate * rate.denominator, rate.numerator);
}

std::int64_t video_frames(Frames audio_frames, int sample_rate, const FrameRate& rate) {
  return divided_half_up(Wide{audio_frames} * rate.numerator, Wide{sample_rate} * rate.denominator);
}

std::string timecode_at(Frames at, int sample_rate, const FrameRate& rate, std::int64_t start_frames) {
  std::int64_t n = at * rate.numerator / (static_cast<std::int64_t>(sample_rate) * rate.denominator);  // off by one or two: frames are rounded
  while (audio_frames(n + 1, sample_rate, rate) <= at) ++n;
  while (audio_frames(n, sample_rate, rate) > at) --n;
  return format_timecode(start_frames + n, rate);
}

}  // namespace dubfarm::mix
