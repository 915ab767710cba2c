// Sync pops: one video frame of tone in the leader or the tail of an output, by which sound and picture are laid together.
#pragma once
#include <vector>

#include "common/layout.hpp"
#include "common/media/output_file.hpp"
#include "common/result.hpp"

namespace dubfarm::worker {

inline constexpr int kPopHertz = 1000;
inline constexpr double kPopPeak = 0.1;  // -20 dBFS

/// Where one is, in frames of the file.
struct SyncPop {
  Frames at = 0, length = 0;
};

/// Sample n of a pop: a sine that begins at phase 0; the same bits on every machine.
[[nodiscard]] double pop_sample(Frames n, int sample_rate);
/// Writes a pop to every channel of a file, rounded to its samples without dither.
[[nodiscard]] Result<void> write_pop(media::OutputFile& file, const SyncPop& pop, int channels, int sample_rate, mix::SampleType type);
/// Whether the finished file of that name holds the pop in every channel, to one step of its samples, and a second of silence (less where the
/// leader or tail has less) around it. @param from, to  frames of the leader or tail. A file that cannot be read holds none.
[[nodiscard]] bool has_pop(const std::string& path, const SyncPop& pop, Frames from, Frames to, mix::SampleType type);

}  // namespace dubfarm::worker
