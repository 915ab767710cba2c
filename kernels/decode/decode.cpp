#include "kernels/decode/decode.hpp"

#include <bit>
#include <cassert>
#include <cstdint>

#include "kernels/core/pcm.hpp"
#include "kernels/decode/decode_body.hpp"

namespace dubfarm::kernels {
namespace {

using media::SampleFormat;

static_assert(std::endian::native == std::endian::little);

/// Frames from..count; the first that is not finite, or -1.
template <SampleFormat kFormat>
Frames decode_plain(const std::byte* samples, std::int64_t stride, Frames from, Frames count, float* out) {
  Frames bad = -1;
  for (Frames n = from; n < count; ++n) {
    out[n] = pcm::sample_at<kFormat>(samples + n * stride);
    if constexpr (media::is_float(kFormat))
      if (bad < 0 && !pcm::is_finite(out[n])) bad = n;
  }
  return bad;
}

Frames decode_plain(SampleFormat format, const std::byte* samples, std::int64_t stride, Frames from, Frames count, float* out) {
  switch (format) {
    case SampleFormat::u8: return decode_plain<SampleFormat::u8>(samples, stride, from, count, out);
    case SampleFormat::s8: return decode_plain<SampleFormat::s8>(samples, stride, from, count, out);
    case SampleFormat::s16le: return decode_plain<SampleFormat::s16le>(samples, stride, from, count, out);
    case SampleFormat::s24le: return decode_plain<SampleFormat::s24le>(samples, stride, from, count, out);
    case SampleFormat::s32le: return decode_plain<SampleFormat::s32le>(samples, stride, from, count, out);
    case SampleFormat::f32le: return decode_plain<SampleFormat::f32le>(samples, stride, from, count, out);
    case SampleFormat::f64le: return decode_plain<SampleFormat::f64le>(samples, stride, from, count, out);
    case SampleFormat::s16be: return decode_plain<SampleFormat::s16be>(samples, stride, from, count, out);
    case SampleFormat::s24be: return decode_plain<SampleFormat::s24be>(samples, stride, from, count, out);
    case SampleFormat::s32be: return decode_plain<SampleFormat::s32be>(samples, stride, from, count, out);
    case SampleFormat::f32be: return decode_plain<SampleFormat::f32be>(samples, stride, from, count, out);
    case SampleFormat::f64be: return decode_plain<SampleFormat::f64be>(samples, stride, from, count, out);
  }
  return -1;
}

}  // namespace

Frames decode(const std::byte* in, SampleFormat format, int channels, int channel, Frames count, float* out, Isa isa) {
  assert(channels > 0 && channel >= 0 && channel < channels && count >= 0);
  const int size = media::bytes_per_sample(format);
  const std::int64_t stride = static_cast<std::int64_t>(channels) * size;
  const std::byte* samples = in + channel * size;
  Frames done = 0;
  if (isa != Isa::generic && size <= 4) {
    const decode_detail::Plan plan = decode_detail::plan_for(format, size, stride, media::is_big_endian(format));
    const decode_detail::Run run{samples, in + count * stride, stride, size, media::is_float(format), count, out};
    done = isa == Isa::avx512 ? decode_detail::decode_avx512(run, plan) : decode_detail::decode_avx2(run, plan);
  }
  return decode_plain(format, samples, stride, done, count, out);
}

Frames decode(const std::byte* in, SampleFormat format, int channels, int channel, Frames count, float* out) {
  return decode(in, format, channels, channel, count, out, best_isa());
}

}  // namespace dubfarm::kernels
