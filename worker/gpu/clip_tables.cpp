#include "worker/gpu/clip_tables.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace dubfarm::worker::gpu {
namespace {

constexpr Frames kGap = 4096;  // stretches of raw PCM no further apart than this are read as one: cheaper than another read

/// The part of a clip that falls into the lanes' frames.
struct Heard {
  const program::Clip* clip;
  Frames begin, end;  // of the program
  [[nodiscard]] bool empty() const { return begin >= end; }
  [[nodiscard]] Frames source_first() const { return clip->in + (begin - clip->at); }
};

Heard heard(const program::Clip& clip, Frames first, Frames length) {
  return {&clip, std::max(first, clip.at), std::min(length, clip.at + clip.length)};
}

kernels::cuda::ClipFade fade(const program::Fade& fade) { return {fade.length, fade.phase, static_cast<int>(fade.curve)}; }

/// Stretches of raw sources that are near each other become one.
void merge(std::vector<SourceStretch>& stretches) {
  std::sort(stretches.begin(), stretches.end(), [](const SourceStretch& a, const SourceStretch& b) {
    return std::tie(a.source, a.first) < std::tie(b.source, b.first);
  });
  std::vector<SourceStretch> merged;
  for (SourceStretch& s : stretches) {
    if (!merged.empty() && merged.back().source == s.source && s.raw && s.first <= merged.back().first + merged.back().count + kGap) {
      merged.back().count = std::max(merged.back().count, s.first + s.count - merged.back().first);
    } else {
      merged.push_back(std::move(s));
    }
  }
  stretches = std::move(merged);
}

/// The pieces of one lane: cut wherever a clip begins or ends, and where they grow long.
void cut_lane(const std::vector<std::pair<Heard, int>>& clips, Frames first, Frames length, Frames lane_offset, ClipTables& tables) {
  std::vector<Frames> edges = {first, length};
  for (const auto& [h, entry] : clips) edges.push_back(h.begin), edges.push_back(h.end);
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  for (std::size_t e = 0; e + 1 < edges.size(); ++e)
    for (Frames at = edges[e]; at < edges[e + 1]; at += kernels::cuda::kClipPieceFrames) {
      kernels::cuda::ClipPiece piece;
      piece.count = std::min(kernels::cuda::kClipPieceFrames, edges[e + 1] - at);
      piece.first_ref = static_cast<int>(tables.refs.size());
      for (const auto& [h, entry] : clips)
        if (h.begin <= at && at < h.end) tables.refs.push_back({entry, at - h.clip->at}), ++piece.refs;
      tables.longest_piece = std::max(tables.longest_piece, piece.count);
      tables.pieces.push_back(piece);
      tables.piece_offsets.push_back(lane_offset + (at - first));
    }
}

}  // namespace

Result<ClipTables> clip_tables(const program::Program& program, std::size_t first_track, std::size_t last_track, Frames first, const Sources& sources) {
  ClipTables tables;
  tables.first = first;
  tables.frames = program.length - first;
  struct Kind { std::optional<media::PcmLayout> raw; int channels = 0; };
  std::map<std::uint32_t, Kind> kinds;
  for (std::size_t t = first_track; t < last_track; ++t) {
    tables.lanes += channel_count(program.tracks[t].layout);
    for (const program::Clip& clip : program.tracks[t].clips) {
      const Heard h = heard(clip, first, program.length);
      if (h.empty()) continue;
      if (!kinds.contains(clip.source)) {
        Kind kind;
        TRY_ASSIGN(kind.raw, sources.raw_layout(program.sources[clip.source].digest));
        TRY_ASSIGN(kind.channels, sources.channels(program.sources[clip.source].digest));
        kinds.emplace(clip.source, kind);
      }
      SourceStretch& stretch = tables.stretches.emplace_back();
      stretch.source = clip.source;
      stretch.raw = kinds[clip.source].raw;
      stretch.file_channels = kinds[clip.source].channels;
      if (!stretch.raw) stretch.channels.assign(clip.channels.begin(), clip.channels.end());
      stretch.first = h.source_first();
      stretch.count = h.end - h.begin;
    }
  }
  merge(tables.stretches);
  for (SourceStretch& s : tables.stretches) {
    s.bytes = static_cast<std::size_t>(s.count) *
              (s.raw ? static_cast<std::size_t>(s.file_channels * bytes_per_sample(s.raw->format)) : sizeof(float) * s.channels.size());
    tables.source_bytes += s.bytes;
  }

  int lane = 0;
  for (std::size_t t = first_track; t < last_track; ++t) {
    const program::Track& track = program.tracks[t];
    const int channels = channel_count(track.layout);
    for (int c = 0; c < channels; ++c, ++lane) {
      std::vector<std::pair<Heard, int>> lane_clips;  // in session order, with their entries
      for (const program::Clip& clip : track.clips) {
        const Heard h = heard(clip, first, program.length);
        if (h.empty()) continue;
        const auto channel = static_cast<int>(clip.channels[static_cast<std::size_t>(c)]);
        const Frames at = h.source_first(), count = h.end - h.begin;
        const auto found = std::find_if(tables.stretches.begin(), tables.stretches.end(), [&](const SourceStretch& s) {
          return s.source == clip.source && s.first <= at && at + count <= s.first + s.count &&
                 (s.raw || (s.first == at && s.count == count && std::equal(s.channels.begin(), s.channels.end(), clip.channels.begin(), clip.channels.end())));
        });
        ClipChannel entry;
        entry.clip = &clip;
        entry.channel = channel;
        entry.stretch = static_cast<std::size_t>(found - tables.stretches.begin());
        entry.at = at;
        entry.row = static_cast<std::size_t>(c);
        if (found->raw) {
          const int sample = bytes_per_sample(found->raw->format);
          entry.entry.stride = static_cast<std::int64_t>(found->file_channels) * sample;
          entry.entry.format = found->raw->format;
        } else {
          entry.entry.stride = sizeof(float);
          entry.entry.format = media::SampleFormat::f32le;
        }
        entry.entry.first = h.begin - clip.at;
        entry.entry.gain = clip.gain_linear;
        entry.entry.fade_in = fade(clip.fade_in), entry.entry.fade_out = fade(clip.fade_out);
        entry.entry.join_in = fade(clip.join_in), entry.entry.join_out = fade(clip.join_out);
        lane_clips.emplace_back(h, static_cast<int>(tables.clips.size()));
        tables.clips.push_back(entry);
      }
      cut_lane(lane_clips, first, program.length, static_cast<Frames>(lane) * tables.frames, tables);
    }
  }
  return tables;
}

std::vector<kernels::cuda::Clip> ClipTables::placed_clips(std::span<const PlacedStretch> placed, std::int64_t* first_bad) const {
  std::vector<kernels::cuda::Clip> entries;
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const ClipChannel& clip = clips[i];
    const PlacedStretch& at = placed[clip.stretch];
    const int sample = bytes_per_sample(clip.entry.format);
    // Raw frames lie channel beside channel; others, a channel after the other.
    const Frames before = stretches[clip.stretch].raw ? (clip.at - at.first) * clip.entry.stride + clip.channel * sample
                                                      : (static_cast<Frames>(clip.row) * at.count + clip.at - at.first) * sample;
    entries.push_back(clip.entry);
    entries.back().samples = at.samples + before;
    entries.back().first_bad = media::is_float(clip.entry.format) ? first_bad + i : nullptr;
  }
  return entries;
}

std::vector<kernels::cuda::ClipPiece> ClipTables::placed_pieces(float* lanes_memory) const {
  std::vector<kernels::cuda::ClipPiece> placed = pieces;
  for (std::size_t i = 0; i < placed.size(); ++i) placed[i].out = lanes_memory + piece_offsets[i];
  return placed;
}

}  // namespace dubfarm::worker::gpu
