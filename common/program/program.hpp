// A chunk program: everything that decides the samples of one chunk of one stem, and nothing else. All times are relative to the chunk's
// first frame (negative: pre-roll); no timeline position, path, name, language, user, worker or date enters it (docs/ARCHITECTURE.md,
// the pure-chunk rule). A program is immutable data: the planner writes it, a worker executes it, its key names the result.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/layout.hpp"
#include "common/media/digest.hpp"
#include "common/mix/document.hpp"
#include "common/units.hpp"

namespace dubfarm::program {

/// A source file by content. `rate` is its own; where it differs from the program's, the source is converted before use.
struct Source {
  media::Digest digest;
  int rate = 0;
  bool operator==(const Source&) const = default;
};

/// A fade cut to the window: `length` is that of the whole fade; `phase` the index in it of the clip's first frame (fade-in), or the
/// number of frames from the clip's first frame to the fade's end (fade-out). length 0: no fade inside the window.
struct Fade {
  Frames length = 0;
  Frames phase = 0;
  mix::FadeCurve curve = mix::FadeCurve::linear;
  bool operator==(const Fade&) const = default;
};

/// The audible part of one clip inside the window.
struct Clip {
  std::uint32_t source = 0;             // index into Program::sources
  std::vector<std::uint16_t> channels;  // 0-based source channels, one per channel of the track
  Frames at = 0;                        // first frame heard, relative to the chunk
  Frames in = 0;                        // source frame heard there, at the program's rate
  Frames length = 0;
  double gain_linear = 1;
  Fade fade_in, fade_out;
  Fade join_in, join_out;  // of a recut, always equal_power
};

struct Band {
  mix::FilterType type = mix::FilterType::peak;
  mix::Automation freq_hz, q, gain_db;
};

struct Send {
  std::uint32_t reverb = 0;  // index into Program::reverbs
  mix::Automation gain_db;
  bool pre_fader = false;
};

inline constexpr std::uint32_t kNoBus = 0xFFFFFFFFu;

struct Track {
  Layout layout = Layout::mono;
  std::uint32_t bus = kNoBus;  // index into Program::buses; kNoBus: heard through its sends only
  Frames end = 0;              // the track is silence from here on (its last clip has ended and its filters have rung out)
  std::vector<Clip> clips;     // by document order
  std::vector<Band> eq;
  mix::Automation gain_db;     // the version's adjustment included
  mix::Automation azimuth_deg;
  std::optional<mix::Automation> lfe_db;
  std::vector<Send> sends;
};

struct Reverb {
  std::uint32_t ir = 0;  // index into Program::sources
  std::uint32_t bus = 0;
  Layout layout = Layout::stereo;
  mix::ReverbInput input = mix::ReverbInput::mono;
  Frames predelay = 0;
  Frames ir_frames = 0;  // at the program's rate
  Frames input_from = 0;  // the send is needed from here on (zero or negative)
  Frames output_from = 0;
  std::vector<Band> eq;
  mix::Automation gain_db;
};

/// Buses are in processing order: children before parents; the last one is the stem.
struct Bus {
  Layout layout = Layout::stereo;
  std::uint32_t parent = kNoBus;
  Frames from = 0;  // its inputs are needed from here on (zero or negative)
  std::vector<Band> eq;
  mix::Automation gain_db;
};

struct Program {
  int sample_rate = 48000;
  Frames length = 0;  // frames of the chunk: [0, length)
  std::vector<Source> sources;
  std::vector<Track> tracks;  // session order: the order of summation
  std::vector<Reverb> reverbs;
  std::vector<Bus> buses;
  [[nodiscard]] Layout layout() const { return buses.back().layout; }
  /// First frame at which anything runs: zero or negative.
  [[nodiscard]] Frames first_frame() const;
};

/// SHA-256 of a program's canonical bytes and the numeric profile that renders it: the name of the blob.
struct Key {
  std::array<std::uint8_t, 32> bytes{};
  [[nodiscard]] std::string hex() const;
  auto operator<=>(const Key&) const = default;
};

/// Canonical bytes: little-endian, length-prefixed, doubles by their bits; equal programs give equal bytes (docs/formats/program.md).
[[nodiscard]] std::string canonical_bytes(const Program& program);
[[nodiscard]] Key key_of(const Program& program, std::string_view numeric_profile);
/// The key of any other pure result, such as a piece of a converted source: SHA-256 of `bytes`.
[[nodiscard]] Key key_of_bytes(std::string_view bytes);

}  // namespace dubfarm::program
