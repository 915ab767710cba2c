// Raw PCM to float32: one channel of interleaved samples.
// Threads: pure. Bits: the same on every instruction set, whatever the thread's denormal mode for all but f64.
#pragma once
#include <cstddef>

#include "common/media/sample_format.hpp"
#include "common/units.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::kernels {

/// out[n] = sample n of `channel`: an integer x becomes x / 2^(bits - 1) (u8: (x - 128) / 128), rounded to the nearest float32, ties to
/// even; f32 is copied bit by bit; f64 is rounded to the nearest float32 (a magnitude beyond float32's becomes infinite).
/// @param in        the first frame; count * channels * bytes_per_sample(format) bytes, at any alignment. Nothing past them is read.
/// @param channel   0-based, below `channels`.
/// @param out       [count]; must not overlap `in`.
/// @return the index of the first frame whose sample is NaN or infinite, or -1. Integers are always finite.
Frames decode(const std::byte* in, media::SampleFormat format, int channels, int channel, Frames count, float* out);
/// The same on a given instruction set, which must be one of available_isas().
Frames decode(const std::byte* in, media::SampleFormat format, int channels, int channel, Frames count, float* out, Isa isa);

}  // namespace dubfarm::kernels
