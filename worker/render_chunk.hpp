// A chunk program, executed: sources to the stem's samples.
#pragma once
#include <atomic>
#include <span>
#include <vector>

#include "common/program/program.hpp"
#include "common/result.hpp"
#include "kernels/convolve/convolve.hpp"
#include "worker/buffers.hpp"
#include "worker/gpu/device_renderer.hpp"
#include "worker/ir_cache.hpp"
#include "worker/sources.hpp"

namespace dubfarm::worker {

/// What the CPU backend adds to every key: raised whenever a change may change a bit of any chunk.
inline constexpr const char* kNumericProfile = "cpu 4";

/// Memory of one rendering thread, reused from chunk to chunk.
struct RenderScratch {
  BufferPool pool;
  SourceScratch sources;
  kernels::ConvolveScratch convolve;
  Growing<double> sums, curves;
  /// Overwrites with zeros what samples lay in, and lets decoded sources go: between one project and the next. No chunk of it may be held any more.
  void clear();
};

/// A chunk's samples, and the pre-roll that still stands before them.
struct RenderedChunk {
  Buffer samples;
  Frames lead = 0;  // frames of `samples` before the chunk's first
  Frames frames = 0;
  bool is_taken_over = false;  // from the device, by the CPU
  [[nodiscard]] std::vector<const float*> channels() const {
    std::vector<const float*> pointers;
    for (int c = 0; c < samples.channels(); ++c) pointers.push_back(samples.channel(c) + lead);
    return pointers;
  }
};

/// Renders programs side by side, each into a buffer of its layout and length. Each result is a pure function of its own program and sources:
/// the same bits on every thread, in any order, in any company. Few tracks are cheaper in company (see TrackVoices): joins_batch()
/// says when. The calling thread must hold kernels::FlushDenormals.
/// @param device  renders: the bytes are the CPU's but for what a reverb's transforms round otherwise (below -120 dBFS), for which a device
///   has a numeric profile of its own. Null: the CPU does, as it does for a chunk that the device has no memory for
///   (DeviceRenderer::left_to_cpu() counts those).
/// @return the samples, in the order of `programs`; Errc::invalid_input where a source is broken or changed; Errc::cancelled soon after
///   `cancel` is set.
Result<std::vector<RenderedChunk>> render_chunks(std::span<const program::Program* const> programs, const Sources& sources, IrCache& irs,
                                                 RenderScratch& scratch, const std::atomic<bool>& cancel, gpu::DeviceRenderer* device = nullptr);
/// The same for one.
Result<RenderedChunk> render_chunk(const program::Program& program, const Sources& sources, IrCache& irs, RenderScratch& scratch,
                                   const std::atomic<bool>& cancel, gpu::DeviceRenderer* device = nullptr);

/// Is `next` well rendered beside `batch` (not empty)? While all their tracks fill one equaliser's lanes, lengths are alike, and all their
/// buses and sends take no more than 128 MiB.
[[nodiscard]] bool joins_batch(std::span<const program::Program* const> batch, const program::Program& next);

}  // namespace dubfarm::worker
