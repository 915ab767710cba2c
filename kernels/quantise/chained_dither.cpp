#include "kernels/quantise/chained_dither.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "kernels/core/philox.hpp"

namespace dubfarm::kernels {
namespace {

/// The numbers of four frames, counter * 4 and on.
std::array<std::int32_t, 4> uniform(const UniformDither& of, std::uint64_t counter) {
  const auto words = philox4x32({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
                                {static_cast<std::uint32_t>(of.key), static_cast<std::uint32_t>(of.key >> 32)});
  std::array<std::int32_t, 4> out{};
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::int32_t>(of.is_high_half ? words[i] >> 16 : words[i] & 0xFFFFu);
  return out;
}

}  // namespace

void draw(const ChainedDither& chain, Frames first, Frames count, std::int32_t* dither) {
  assert(first >= 0);
  for (Frames done = 0; done < count;) {
    const Frames at = first + done;
    const auto counter = static_cast<std::uint64_t>(at) / 4;
    const auto plus = uniform(chain.plus, counter), minus = uniform(chain.minus, counter);
    for (auto i = static_cast<std::size_t>(at % 4); i < 4 && done < count; ++i, ++done) dither[done] = plus[i] - minus[i];
  }
}

}  // namespace dubfarm::kernels
