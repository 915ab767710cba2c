// Dither, rounding and packing on the device: a thread for each sample of the file.
#pragma once
#include <cstddef>
#include <cstdint>

#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// Dither of a channel, in units of 2^-16 LSB: one half of a Philox word minus another. {key, low} and {key, high}: tpdf_dither(key).
struct ChannelDither {
  std::uint64_t plus_key = 0, minus_key = 0;
  bool plus_is_high = false, minus_is_high = true;
};
/// One channel of a file.
struct QuantisedChannel {
  const double* x = nullptr;     // [count], full scale 1.0
  ChannelDither dither;
  float* delivered = nullptr;    // [count] or null: what was written, as value / 2^(bits - 1)
};
/// kernels::quantise(). The table is the device's, all pointers too. Bits: those of the CPU on a thread that holds FlushDenormals.
struct QuantiseOnDeviceArgs {
  const QuantisedChannel* channels = nullptr;  // in the file's order
  int channel_count = 0;
  Frames first_frame = 0, count = 0;
  int bytes = 3;               // of a sample: 2, 3 or 4
  bool to_float = false;       // 4 bytes of float32: neither dithered nor clamped
  bool dithered = false;
  std::byte* out = nullptr;    // [count][channel_count], packed, little-endian
  std::int64_t* clipped = nullptr;       // added to
  std::int64_t* not_a_number = nullptr;  // added to
};
void quantise(const QuantiseOnDeviceArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
