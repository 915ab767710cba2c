// decode on the device: many channels of many sources at once.
#pragma once
#include <cstddef>
#include <cstdint>

#include "common/media/sample_format.hpp"
#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// One channel of one stretch of interleaved samples, as kernels::decode() takes it.
struct DecodeRun {
  const std::byte* samples;  // the channel's first sample, at any alignment
  std::int64_t stride;       // bytes from one of its samples to the next
  media::SampleFormat format;
  Frames count;
  float* out;                // [count]
  std::int64_t* first_bad;   // lowered to the first frame that is NaN or infinite; the caller sets it to kNoneBad. Null: not asked for
};
inline constexpr std::int64_t kNoneBad = INT64_MAX;

/// All pointers, `runs` too, are the device's. Bits: those of kernels::decode() on a thread that holds FlushDenormals.
struct DecodeArgs {
  const DecodeRun* runs;
  int count;
  Frames longest;  // of the runs
};
void decode(const DecodeArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
