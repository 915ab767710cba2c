// How much louder a reverb's convolution may become on its way to the chunk: what decides the precision of its transforms.
#pragma once
#include "common/program/program.hpp"

namespace dubfarm::worker {

/// The most by which what a reverb's convolution gives may be raised, linear: faders at their highest, bands that boost.
[[nodiscard]] double gain_after(const program::Program& program, const program::Reverb& reverb);

}  // namespace dubfarm::worker
