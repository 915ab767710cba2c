#include "kernels/quantise/quantise.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/core/philox.hpp"
#include "kernels/quantise/tile.hpp"

namespace dubfarm::kernels {

std::uint64_t dither_key(std::string_view deliverable, int channel) {
  std::uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a of the name, then of the channel
  for (const char c : deliverable) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return (hash ^ static_cast<std::uint64_t>(channel)) * 0x100000001B3u;
}

std::int32_t tpdf_dither(std::uint64_t key, Frames frame) {
  assert(frame >= 0);
  const auto counter = static_cast<std::uint64_t>(frame) / 4;
  const auto words = philox4x32({static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0},
                                {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)});
  const std::uint32_t word = words[static_cast<std::size_t>(frame % 4)];
  return static_cast<std::int32_t>(word & 0xFFFFu) - static_cast<std::int32_t>(word >> 16);
}

namespace quantise_tile {

std::int32_t round_one(double x, std::int32_t dither, const Range& range, QuantiseStats& stats) {
  const double v = x * range.scale + dither * 0x1p-16;  // both products are exact, so that an fma has the same bits
  if (std::isnan(v)) {
    ++stats.not_a_number;
    return 0;
  }
  if (v >= range.high + 0.5 || v < range.low - 0.5) ++stats.clipped;  // high is odd, so a tie above it rounds up and out
  return static_cast<std::int32_t>(std::nearbyint(std::clamp(v, range.low, range.high)));
}

namespace {

void draw(std::uint64_t key, Frames first, Frames count, std::int32_t* dither) {
  for (Frames i = 0; i < count; ++i) dither[i] = tpdf_dither(key, first + i);
}

void round(const double* x, const std::int32_t* dither, Frames count, const Range& range, std::int32_t* values, float* delivered,
           QuantiseStats& stats) {
  for (Frames i = 0; i < count; ++i) {
    values[i] = round_one(x[i], dither ? dither[i] : 0, range, stats);
    if (delivered) delivered[i] = static_cast<float>(values[i]) * range.inverse;
  }
}

void interleave(const std::int32_t* const* rows, int channels, Frames count, std::int32_t* mixed) {
  for (Frames f = 0; f < count; ++f)
    for (int c = 0; c < channels; ++c) mixed[f * channels + c] = rows[c][f];
}

void pack(const std::int32_t* values, std::int64_t count, int bytes, std::byte* out) {
  for (std::int64_t i = 0; i < count; ++i)
    for (int b = 0; b < bytes; ++b) *out++ = static_cast<std::byte>((static_cast<std::uint32_t>(values[i]) >> (8 * b)) & 0xFFu);
}

/// float32 in the shape of round(): `values` are the bits of the delivered floats.
void round_to_float(const double* x, Frames count, std::int32_t* values, float* delivered, QuantiseStats& stats) {
  for (Frames i = 0; i < count; ++i) {
    float v = static_cast<float>(x[i]);
    if (v != v) {
      ++stats.not_a_number;
      v = 0.0f;
    }
    std::memcpy(values + i, &v, sizeof v);
    if (delivered) delivered[i] = v;
  }
}

}  // namespace

const Steps& generic_steps() {
  static constexpr Steps steps{draw, round, interleave, pack};
  return steps;
}

}  // namespace quantise_tile

QuantiseStats quantise(const QuantiseArgs& args, Isa isa) {
  using namespace quantise_tile;
  assert(args.first_frame >= 0 && !args.order.empty());
  const Steps& steps = isa == Isa::avx512 ? avx512_steps() : isa == Isa::avx2 ? avx2_steps() : generic_steps();
  const int channels = static_cast<int>(args.order.size()), bytes = bytes_per_sample(args.type);
  const double scale = std::ldexp(1.0, 8 * bytes - 1);
  const Range range{scale, -scale, scale - 1.0, static_cast<float>(1.0 / scale)};
  const bool to_float = args.type == SampleType::float32;

  std::vector<std::int32_t> values(static_cast<std::size_t>(channels * (kTileFrames + kSlack)));
  std::vector<std::int32_t> mixed(static_cast<std::size_t>(channels * kTileFrames + kSlack));
  std::vector<std::int32_t> dither(kTileFrames + kSlack);
  std::vector<const std::int32_t*> rows;
  for (int c = 0; c < channels; ++c) rows.push_back(values.data() + c * (kTileFrames + kSlack));

  QuantiseStats stats;
  for (Frames done = 0; done < args.count; done += kTileFrames) {
    const Frames frames = std::min(kTileFrames, args.count - done), at = args.first_frame + done, word = at % 4;
    for (int c = 0; c < channels; ++c) {
      const int from = args.order[static_cast<std::size_t>(c)];
      const double* x = args.channels[from] + done;
      std::int32_t* row = values.data() + c * (kTileFrames + kSlack);
      float* delivered = args.delivered ? args.delivered[from] + done : nullptr;
      if (to_float) {
        round_to_float(x, frames, row, delivered, stats);
        continue;
      }
      if (args.chained_dither) draw(args.chained_dither[from], at - word, frames + word, dither.data());
      else if (args.dither_keys) steps.draw(args.dither_keys[from], at - word, frames + word, dither.data());
      steps.round(x, args.dither_keys || args.chained_dither ? dither.data() + word : nullptr, frames, range, row, delivered, stats);
    }
    const std::int32_t* flat = rows[0];
    if (channels > 1) {
      steps.interleave(rows.data(), channels, frames, mixed.data());
      flat = mixed.data();
    }
    steps.pack(flat, frames * channels, bytes, args.out + done * channels * bytes);
  }
  return stats;
}

}  // namespace dubfarm::kernels
