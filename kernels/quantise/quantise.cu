#include <bit>

#include "kernels/core/denormal.hpp"
#include "kernels/core/dither.hpp"
#include "kernels/device/cuda_launch.hpp"
#include "kernels/quantise/quantise_cuda.hpp"

namespace dubfarm::kernels::cuda {
namespace {

constexpr int kThreads = 256;

DUBFARM_DEVICE std::uint32_t float_bits(double x, float* delivered, std::int64_t* not_a_number) {
  float v = narrow(x);
  if (v != v) {
    atomic_add(not_a_number, 1);
    v = 0.0f;
  }
  if (delivered != nullptr) *delivered = v;
  return std::bit_cast<std::uint32_t>(v);
}

DUBFARM_DEVICE std::uint32_t rounded_bits(double x, std::int32_t dither, const QuantiseOnDeviceArgs& args, float* delivered) {
  const double scale = args.bytes == 2 ? 0x1p15 : args.bytes == 3 ? 0x1p23 : 0x1p31, low = -scale, high = scale - 1.0;
  const double v = x * scale + static_cast<double>(dither) * 0x1p-16;  // both products are exact
  std::int32_t value = 0;
  if (v != v) {
    atomic_add(args.not_a_number, 1);
  } else {
    if (v >= high + 0.5 || v < low - 0.5) atomic_add(args.clipped, 1);
    value = static_cast<std::int32_t>(round_half_even(v < low ? low : v > high ? high : v));
  }
  if (delivered != nullptr) *delivered = static_cast<float>(value) * static_cast<float>(1.0 / scale);
  return static_cast<std::uint32_t>(value);
}

DUBFARM_KERNEL(kThreads) quantise_samples(QuantiseOnDeviceArgs args) {
  const Frames sample = static_cast<Frames>(block_x()) * kThreads + thread_index();
  if (sample >= args.count * args.channel_count) return;
  const Frames i = sample / args.channel_count;
  const QuantisedChannel& channel = args.channels[sample - i * args.channel_count];
  float* const delivered = channel.delivered != nullptr ? channel.delivered + i : nullptr;
  std::uint32_t bits = 0;
  if (args.to_float) {
    bits = float_bits(channel.x[i], delivered, args.not_a_number);
  } else {
    std::int32_t dither = 0;
    if (args.dithered) {
      const ChannelDither& d = channel.dither;
      const std::uint32_t plus = dither_word(d.plus_key, args.first_frame + i);
      const std::uint32_t minus = d.minus_key == d.plus_key ? plus : dither_word(d.minus_key, args.first_frame + i);
      dither = half_of(plus, d.plus_is_high) - half_of(minus, d.minus_is_high);
    }
    bits = rounded_bits(channel.x[i], dither, args, delivered);
  }
  std::byte* const out = args.out + sample * args.bytes;
  for (int b = 0; b < args.bytes; ++b) out[b] = static_cast<std::byte>((bits >> (8 * b)) & 0xFFu);
}

}  // namespace

void quantise(const QuantiseOnDeviceArgs& args, StreamHandle stream) {
  DUBFARM_LAUNCH(quantise_samples, blocks_for(args.count * args.channel_count, kThreads), 1, kThreads, stream, args);
}

}  // namespace dubfarm::kernels::cuda
