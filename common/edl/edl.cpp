#include "common/edl/edl.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

#include "common/mix/json.hpp"

namespace dubfarm::edl {
namespace {

using mix::Diagnostic;
using mix::FrameRate;

constexpr std::string_view kEventForm = "an event reads: 001  REEL  V  C  01:00:00:00 01:00:05:00 01:00:10:00 01:00:15:00";
constexpr std::int64_t kLongestPastMidnightSeconds = 3600;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\x1A'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
bool all_digits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_digit); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// `text` without `word` before it, in any case; nothing where it does not begin so.
std::optional<std::string_view> after(std::string_view text, std::string_view word) {
  if (text.size() < word.size() || !std::equal(word.begin(), word.end(), text.begin(), [](char w, char t) { return w == upper(t); })) return std::nullopt;
  return trimmed(text.substr(word.size()));
}

struct Token {
  std::string_view text;
  std::size_t offset = 0;  // in the line
};

void split(std::string_view line, std::vector<Token>& out) {
  out.clear();
  for (std::size_t i = 0; i < line.size();) {
    if (is_space(line[i])) { ++i; continue; }
    std::size_t end = i;
    while (end < line.size() && !is_space(line[end])) ++end;
    out.push_back({line.substr(i, end - i), i});
    i = end;
  }
}

/// Two digits, a separator, and so on: what was meant as a timecode, whether or not it is one.
bool is_like_timecode(std::string_view text) {
  return text.size() >= 8 && text.size() <= 12 && std::count(text.begin(), text.end(), ':') >= 2 && is_digit(text.front()) && is_digit(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == ':' || c == ';' || c == '.' || c == ','; });
}

/// Text as UTF-8: unchanged where it is that, else read as Latin-1.
std::string utf8(std::string_view text) {
  std::string latin;
  bool is_utf8 = true;
  for (std::size_t i = 0; i < text.size() && is_utf8;) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t more = byte < 0x80 ? 0 : byte >= 0xC2 && byte < 0xE0 ? 1 : byte >= 0xE0 && byte < 0xF0 ? 2 : byte >= 0xF0 && byte < 0xF5 ? 3 : 9;
    is_utf8 = more < 9 && i + more < text.size();
    for (std::size_t k = 1; is_utf8 && k <= more; ++k) is_utf8 = (static_cast<unsigned char>(text[i + k]) & 0xC0U) == 0x80U;
    i += more + 1;
  }
  if (is_utf8) return std::string(text);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) { latin += c; continue; }
    latin += static_cast<char>(0xC0U | (byte >> 6U));
    latin += static_cast<char>(0x80U | (byte & 0x3FU));
  }
  return latin;
}

/// "V", "A", "A2", "AA", "AA/V", "B", "NONE" and runs of them ("VA1A2").
std::optional<Channels> channels_of(std::string_view text) {
  if (after(text, "NONE") == std::string_view()) return Channels{0};
  Channels channels = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char kind = upper(text[i++]);
    if (kind == '/' && channels != 0 && i < text.size()) continue;
    int number = 0;
    const auto [end, fault] = std::from_chars(text.data() + i, text.data() + text.size(), number);
    const bool has_number = fault == std::errc();
    if (has_number) i = static_cast<std::size_t>(end - text.data());
    if (has_number && (number < 1 || number > kMaxSoundChannel)) return std::nullopt;
    if (kind == 'V') channels |= 1;
    else if (kind == 'B' && !has_number) channels |= 3;
    else if (kind == 'A' && has_number) channels |= Channels{1} << number;
    else if (kind == 'A' && i < text.size() && upper(text[i]) == 'A' && (i + 1 == text.size() || !is_digit(text[i + 1]))) channels |= 6, ++i;
    else if (kind == 'A') channels |= 2;
    else return std::nullopt;
  }
  return channels == 0 ? std::nullopt : std::optional(channels);
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& path, std::optional<FrameRate> rate) : text_(text), path_(path), rate_(rate) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  Outcome run() {
    if (text_.starts_with("\xFF\xFE") || text_.starts_with("\xFE\xFF"))
      error_in_file("this is UTF-16, not a CMX3600 list in plain text", "save or export it as plain text (ASCII or UTF-8)");
    else if (text_.find('\0') != std::string_view::npos)
      error_in_file("this is not text, and no CMX3600 list", "export the cut list as a CMX3600 EDL");
    else
      read();
    if (out_.errors.empty()) out_.list = std::move(list_);
    return std::move(out_);
  }

 private:
  void error(const Token& at, std::string message, std::string_view help, std::string note) {
    const auto column = 1 + std::count_if(line_.begin(), line_.begin() + static_cast<std::ptrdiff_t>(at.offset),
                                          [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    out_.errors.push_back({std::move(message), std::string(help), {"", line_number_, static_cast<int>(column)}, std::move(note), path_});
  }
  void error_in_file(std::string message, std::string help) { out_.errors.push_back({std::move(message), std::move(help), {}, "", path_}); }

  void read() {
    if (!find_rate()) return;
    list_.rate = *rate_;
    source_drops_ = rate_->drop_frame;
    for (std::size_t begin = 0; begin < text_.size();) {
      const std::size_t end = std::min(text_.find_first_of("\r\n", begin), text_.size());
      line_ = text_.substr(begin, end - begin);
      ++line_number_;
      read_line();
      const bool is_pair = end + 1 < text_.size() && text_[end] == '\r' && text_[end + 1] == '\n';
      begin = end + (is_pair ? 2 : 1);
    }
    if (list_.events.empty() && out_.errors.empty())
      error_in_file("no event: this is not a CMX3600 list", std::string(kEventForm));
  }

  /// A list does not name its rate, but one that drops frames has only one or two to choose from.
  bool find_rate() {
    if (rate_) return true;
    bool drops = false;
    int highest = -1;
    std::vector<Token> tokens;
    for (std::size_t begin = 0; begin < text_.size();) {
      const std::size_t end = std::min(text_.find_first_of("\r\n", begin), text_.size());
      const std::string_view line = trimmed(text_.substr(begin, end - begin));
      begin = end + 1;
      if (const auto mode = after(line, "FCM:")) drops |= after(*mode, "DROP").has_value();
      if (line.empty() || !is_digit(line.front())) continue;
      split(line, tokens);
      for (const Token& token : tokens) {
        if (!is_like_timecode(token.text) || token.text.size() != 11) continue;
        drops |= token.text[8] == ';';
        const std::string_view frames = token.text.substr(9);
        if (all_digits(frames)) highest = std::max(highest, (frames[0] - '0') * 10 + (frames[1] - '0'));
      }
    }
    if (drops) {
      rate_ = mix::frame_rate_named(highest < 30 ? "29.97df" : "59.94df");
      return true;
    }
    error_in_file("the list does not say its frame rate",
                  highest < 0 ? "give it: 23.976, 24, 25, 29.97, 29.97df, 30, 47.952, 48, 50, 59.94, 59.94df or 60"
                              : fmt::format("give it: 23.976, 24, 25, 29.97, 29.97df, 30, 47.952, 48, 50, 59.94, 59.94df or 60; the highest frame "
                                            "number in the list is {}", highest));
    return false;
  }

  void read_line() {
    const std::string_view line = trimmed(line_);
    if (line.empty()) return;
    if (is_digit(line.front())) {
      split(line_, tokens_);
      read_event();
    } else if (const auto title = after(line, "TITLE:")) {
      list_.title = utf8(*title);
    } else if (const auto mode = after(line, "FCM:")) {
      read_count_mode(*mode, line);
    } else if (const auto motion = after(line, "M2"); motion && line.size() > 2 && is_space(line[2])) {
      read_motion();
    } else if (const auto channels = after(line, "AUD"); channels && line.size() > 3 && is_space(line[3])) {
      read_more_channels();
    } else {
      read_comment(line);
    }
  }

  /// "DROP FRAME" or "NON-DROP FRAME": how the events from here on count. Before the first event it is said of the whole list.
  void read_count_mode(std::string_view mode, std::string_view line) {
    const bool drops = after(mode, "DROP").has_value();
    const Token at{line, static_cast<std::size_t>(line.data() - line_.data())};
    if (!drops && !after(mode, "NON")) return error(at, fmt::format("unknown frame code mode {}", mix::quote_json(utf8(mode))), "write FCM: NON-DROP FRAME or FCM: DROP FRAME", "not a mode");
    if (list_.events.empty() && drops && !rate_->drop_frame && rate_->denominator != 1 && rate_->nominal % 30 == 0)
      return error(at, fmt::format("the list counts drop-frame, and the frame rate is {}", mix::name_of(*rate_)),
                   fmt::format("use frame rate {}df, or export the list without drop-frame", mix::name_of(*rate_)), "another way to count");
    if (list_.events.empty() && !drops && rate_->drop_frame)
      return error(at, fmt::format("the list counts without drop-frame, and the frame rate is {}", mix::name_of(*rate_)),
                   fmt::format("use frame rate {}, or export the list with drop-frame", rate_->nominal == 30 ? "29.97" : "59.94"), "another way to count");
    source_drops_ = drops;
  }

  void read_event() {
    std::size_t first_time = 1;  // behind the event's number
    while (first_time < tokens_.size() && !is_like_timecode(tokens_[first_time].text)) ++first_time;
    std::size_t times = 0;
    while (first_time + times < tokens_.size() && is_like_timecode(tokens_[first_time + times].text)) ++times;
    if (times < 4)
      return error(tokens_.front(), fmt::format("an event with {} timecode{}, and it needs 4: source in and out, record in and out", times, times == 1 ? "" : "s"),
                   kEventForm, "not a whole event");
    Event event;
    event.line = line_number_;
    event.number = std::string(tokens_.front().text);
    if (!read_fields(first_time, event) || !read_times(first_time, event)) return;
    list_.events.push_back(std::move(event));
  }

  /// Reel, channels and transition: what stands between the number and the timecodes, read from the right, since reels may hold spaces.
  bool read_fields(std::size_t end, Event& event) {
    std::size_t at = end - 1;  // of the transition's last field
    const auto text = [&](std::size_t i) { return i >= 1 && i < end ? tokens_[i].text : std::string_view(); };
    const Token& last = tokens_[at];
    if (all_digits(text(at)) && at > 1) {
      std::from_chars(text(at).data(), text(at).data() + text(at).size(), event.transition_frames);
      --at;
    }
    const bool has_length = at + 1 < end;
    if (at > 1 && (after(text(at), "B") == std::string_view() || after(text(at), "O") == std::string_view()) && after(text(at - 1), "K") == std::string_view()) --at;
    const std::string_view kind = text(at);
    if (after(kind, "C") == std::string_view()) {
      event.transition_frames = 0;
    } else if (after(kind, "D") == std::string_view()) {
      event.transition = Transition::dissolve;
    } else if (const auto code = after(kind, "W"); code && (code->empty() || all_digits(*code))) {
      event.transition = Transition::wipe;
    } else if (const auto side = after(kind, "K"); side && (side->empty() || after(*side, "B") == std::string_view() || after(*side, "O") == std::string_view())) {
      event.transition = Transition::key;
    } else {
      error(last, fmt::format("unknown transition {}", mix::quote_json(utf8(last.text))), kEventForm, "expected C, D, W or K before the timecodes");
      return false;
    }
    if ((event.transition == Transition::dissolve || event.transition == Transition::wipe) && !has_length) {
      error(last, fmt::format("a {} without its length in frames", event.transition == Transition::dissolve ? "dissolve" : "wipe"), "write it behind the transition: D 024",
            "expected a length");
      return false;
    }
    if (at < 3) {
      error(tokens_.front(), "an event without a reel, channels and a transition before its timecodes", kEventForm, "not a whole event");
      return false;
    }
    const std::optional<Channels> channels = channels_of(text(at - 1));
    if (!channels) {
      error(tokens_[at - 1], fmt::format("unknown channels {}", mix::quote_json(utf8(text(at - 1)))), "write V, A, A2, AA, AA/V, B or NONE", "expected channels");
      return false;
    }
    event.channels = *channels;
    const std::string_view before = text(at - 2);
    event.reel = utf8(line_.substr(tokens_[1].offset, tokens_[at - 2].offset + before.size() - tokens_[1].offset));
    return true;
  }

  bool read_times(std::size_t first, Event& event) {
    FrameRate source_rate = *rate_;
    if (rate_->denominator != 1 && rate_->nominal % 30 == 0) source_rate.drop_frame = source_drops_;
    std::int64_t* const times[] = {&event.source_in, &event.source_out, &event.record_in, &event.record_out};
    for (std::size_t i = 0; i < 4; ++i)
      if (!read_time(tokens_[first + i], i < 2 ? source_rate : *rate_, *times[i])) return false;
    const std::int64_t day = std::int64_t{24} * 3600 * rate_->nominal, most = kLongestPastMidnightSeconds * rate_->nominal;
    for (std::size_t i = 0; i < 4; i += 2) {
      if (*times[i + 1] >= *times[i]) continue;
      const std::int64_t wrapped = *times[i + 1] + day - *times[i];
      const bool is_past_midnight = wrapped >= 0 && wrapped <= most;
      if (is_past_midnight) { *times[i + 1] += day; continue; }
      const char* const side = i == 0 ? "source" : "record";
      error(tokens_[first + i + 1], fmt::format("{} out {} is before {} in {}", side, tokens_[first + i + 1].text, side, tokens_[first + i].text),
            "an event plays from its in up to, and not with, its out", "before its in");
      return false;
    }
    return true;
  }

  bool read_time(const Token& token, FrameRate rate, std::int64_t& frames) {
    char text[11];
    if (token.text.size() != sizeof text) {
      error(token, fmt::format("\"{}\" is not a timecode of the form HH:MM:SS:FF", token.text), "write hours, minutes, seconds and frames in two digits each", "not a timecode");
      return false;
    }
    std::copy(token.text.begin(), token.text.end(), text);
    // A semicolon says drop-frame, where the rate has it; full stops and commas are one system's colons.
    if (text[8] == ';' && rate.denominator != 1 && rate.nominal % 30 == 0 && rate_->drop_frame) rate.drop_frame = true;
    if (text[8] == '.' || text[8] == ',') text[8] = ':';
    const Result<std::int64_t> parsed = mix::parse_timecode({text, sizeof text}, rate);
    if (parsed.ok()) {
      frames = *parsed;
      return true;
    }
    error(token, parsed.error().message, "check the frame rate that the list was made with", "not a timecode at this frame rate");
    return false;
  }

  /// "M2  REEL  fps  timecode": the speed of the event of this reel that came last.
  void read_motion() {
    if (list_.events.empty()) return;
    split(line_, tokens_);
    for (std::size_t i = 2; i < tokens_.size(); ++i) {
      double speed = 0;
      std::string_view text = tokens_[i].text;
      if (text.starts_with('+')) text.remove_prefix(1);
      const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), speed);
      if (fault != std::errc() || end != text.data() + text.size() || text.find('.') == std::string_view::npos) continue;
      std::string reel = utf8(line_.substr(tokens_[1].offset, tokens_[i - 1].offset + tokens_[i - 1].text.size() - tokens_[1].offset));
      Event* of = &list_.events.back();
      for (std::size_t back = list_.events.size(); back-- > 0 && list_.events[back].number == list_.events.back().number;)
        if (list_.events[back].reel == reel) { of = &list_.events[back]; break; }
      of->speed_fps = speed;
      return;
    }
  }

  /// "AUD  3  4": more sound channels of the last event.
  void read_more_channels() {
    split(line_, tokens_);
    for (std::size_t i = 1; i < tokens_.size() && !list_.events.empty(); ++i) {
      int number = 0;
      const auto [end, fault] = std::from_chars(tokens_[i].text.data(), tokens_[i].text.data() + tokens_[i].text.size(), number);
      if (fault == std::errc() && number >= 1 && number <= kMaxSoundChannel) list_.events.back().channels |= Channels{1} << number;
    }
  }

  void read_comment(std::string_view line) {
    while (!line.empty() && (line.front() == '*' || is_space(line.front()))) line.remove_prefix(1);
    if (list_.events.empty()) return;
    Event& last = list_.events.back();
    if (const auto name = after(line, "FROM CLIP NAME:")) {
      const std::size_t count = list_.events.size();
      const bool is_transition = last.transition != Transition::cut;
      Event* const outgoing = is_transition && count > 1 && list_.events[count - 2].number == last.number ? &list_.events[count - 2] : nullptr;
      (outgoing != nullptr ? *outgoing : last).clip_name = utf8(*name);
    } else if (const auto to = after(line, "TO CLIP NAME:")) {
      if (last.transition != Transition::cut || last.clip_name.empty()) last.clip_name = utf8(*to);
    } else if (const auto file = after(line, "SOURCE FILE:")) {
      last.source_file = utf8(*file);
    }
  }

  std::string_view text_;
  const std::string& path_;
  std::optional<FrameRate> rate_;
  bool source_drops_ = false;
  std::string_view line_;
  int line_number_ = 0;
  std::vector<Token> tokens_;
  List list_;
  Outcome out_;
};

/// The events that have a length in record time, in its order.
std::vector<std::size_t> in_record_order(const List& list) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < list.events.size(); ++i)
    if (list.events[i].length() > 0 && list.events[i].transition != Transition::key) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return list.events[a].record_in < list.events[b].record_in; });
  return order;
}

}  // namespace

Outcome parse(std::string_view text, const std::string& path, std::optional<mix::FrameRate> rate) { return Parser(text, path, rate).run(); }

std::vector<std::pair<std::size_t, std::size_t>> overlaps(const List& list) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  std::optional<std::size_t> latest[kMaxSoundChannel + 1];  // by channel: the event that ends last so far
  for (const std::size_t i : in_record_order(list)) {
    const Event& event = list.events[i];
    std::optional<std::size_t> with;
    for (Channels left = event.channels; left != 0; left &= left - 1) {
      std::optional<std::size_t>& last = latest[std::countr_zero(left)];
      if (last && list.events[*last].record_out > event.record_in) with = std::min(with.value_or(*last), *last);
      if (!last || list.events[*last].record_out < event.record_out) last = i;
    }
    if (with) pairs.emplace_back(i, *with);
  }
  return pairs;
}

bool outs_look_inclusive(const List& list) {
  int boundaries = 0, gaps_of_one = 0;
  std::optional<std::size_t> latest[kMaxSoundChannel + 1];
  for (const std::size_t i : in_record_order(list)) {
    for (Channels left = list.events[i].channels; left != 0; left &= left - 1) {
      std::optional<std::size_t>& last = latest[std::countr_zero(left)];
      if (last) {
        ++boundaries;
        gaps_of_one += list.events[i].record_in - list.events[*last].record_out == 1 ? 1 : 0;
      }
      last = i;
    }
  }
  return boundaries >= 3 && gaps_of_one * 10 >= boundaries * 9;
}

bool is_black(std::string_view reel) { return after(reel, "BL") == std::string_view(); }

}  // namespace dubfarm::edl
