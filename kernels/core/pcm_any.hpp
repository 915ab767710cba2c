// A sample whose format is only known at run time: the kernels' way in. All threads of a block have the same format at hand.
#pragma once
#include "kernels/core/denormal.hpp"
#include "kernels/core/pcm.hpp"

namespace dubfarm::kernels::pcm {

[[nodiscard]] DUBFARM_HD float sample_at(SampleFormat format, const std::byte* at) {
  switch (format) {
    case SampleFormat::u8: return sample_at<SampleFormat::u8>(at);
    case SampleFormat::s8: return sample_at<SampleFormat::s8>(at);
    case SampleFormat::s16le: return sample_at<SampleFormat::s16le>(at);
    case SampleFormat::s24le: return sample_at<SampleFormat::s24le>(at);
    case SampleFormat::s32le: return sample_at<SampleFormat::s32le>(at);
    case SampleFormat::f32le: return sample_at<SampleFormat::f32le>(at);
    case SampleFormat::f64le: return narrow(std::bit_cast<double>(load<8, false>(at)));
    case SampleFormat::s16be: return sample_at<SampleFormat::s16be>(at);
    case SampleFormat::s24be: return sample_at<SampleFormat::s24be>(at);
    case SampleFormat::s32be: return sample_at<SampleFormat::s32be>(at);
    case SampleFormat::f32be: return sample_at<SampleFormat::f32be>(at);
    case SampleFormat::f64be: return narrow(std::bit_cast<double>(load<8, true>(at)));
  }
  return 0;
}

}  // namespace dubfarm::kernels::pcm
