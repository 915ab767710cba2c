#include "common/media/resample.hpp"

#include <soxr.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <memory>
#include <numeric>

namespace dubfarm::media {
namespace {

constexpr Frames kPieceFrames = Frames{1} << 16;  // short enough that a thread keeps pieces of 500 mono sources at hand
constexpr Frames kMarginFrames = 4096;  // at the lower of the two rates
constexpr Frames kFeedFrames = 32768;
constexpr int kMaxRate = 1536000;

/// to / from in lowest terms: every `in` input frames, `out` output frames, an input and an output sample coincide.
struct Ratio {
  Frames in, out;
};
Ratio ratio_of(int from, int to) {
  const int common = std::gcd(from, to);
  return {from / common, to / common};
}
Frames round_up(Frames value, Frames multiple) { return (value + multiple - 1) / multiple * multiple; }

struct Delete {
  void operator()(soxr_t converter) const noexcept { soxr_delete(converter); }
};

/// Output frames [first, first + count), `first` a multiple of ratio.out.
Result<Planar> convert_range(const ReadFrames& read, int from, int to, int channels, Frames frames, Frames first, Frames count) {
  const Ratio ratio = ratio_of(from, to);
  assert(first % ratio.out == 0);
  const Frames margin = round_up(kMarginFrames * std::max<Frames>(1, (from + to - 1) / to), ratio.in);
  const Frames dropped = margin / ratio.in * ratio.out;  // outputs before `first`
  const Frames feed_end = first / ratio.out * ratio.in + (count * ratio.in + ratio.out - 1) / ratio.out + margin;
  Frames at = first / ratio.out * ratio.in - margin;

  const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_S, SOXR_FLOAT32_S);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_VHQ, SOXR_HI_PREC_CLOCK);
  const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
  soxr_error_t error = nullptr;
  const std::unique_ptr<soxr, Delete> converter(soxr_create(from, to, static_cast<unsigned>(channels), &error, &io, &quality, &runtime));
  if (error != nullptr) return fail(Errc::internal, "soxr cannot convert {} channels from {} Hz to {} Hz: {}", channels, from, to, error);

  Planar result(static_cast<std::size_t>(channels), std::vector<float>(static_cast<std::size_t>(count)));
  const Frames room = kFeedFrames * to / from + 4096;  // what one feed can give
  Planar in(result.size(), std::vector<float>(kFeedFrames)), out(result.size(), std::vector<float>(static_cast<std::size_t>(room)));
  std::vector<float*> into(result.size()), to_fill(result.size());
  std::vector<const float*> in_data(result.size());
  for (std::size_t c = 0; c < result.size(); ++c) {
    in_data[c] = in[c].data();
    into[c] = out[c].data();
  }

  Frames made = -dropped;  // relative to `first`
  const auto keep = [&](Frames fresh) {
    const Frames skip = std::clamp<Frames>(-made, 0, fresh), copied = std::clamp<Frames>(count - made - skip, 0, fresh - skip);
    for (std::size_t c = 0; c < result.size(); ++c) std::copy_n(out[c].begin() + skip, copied, result[c].begin() + made + skip);
    made += fresh;
  };
  const auto feed = [&](Frames now) -> Result<void> {
    Frames used = 0;
    do {  // now == 0: nothing more comes, drain
      std::size_t taken = 0, fresh = 0;
      std::vector<const float*> rest = in_data;
      for (auto& pointer : rest) pointer += used;
      error = soxr_process(converter.get(), now == 0 ? nullptr : static_cast<soxr_in_t>(rest.data()), static_cast<std::size_t>(now - used),
                           &taken, static_cast<soxr_out_t>(into.data()), static_cast<std::size_t>(room), &fresh);
      if (error != nullptr) return fail(Errc::internal, "soxr failed from {} Hz to {} Hz: {}", from, to, error);
      if (taken == 0 && fresh == 0) break;
      used += static_cast<Frames>(taken);
      keep(static_cast<Frames>(fresh));
    } while (used < now || (now == 0 && made < count));
    return {};
  };

  while (at < feed_end && made < count) {
    const Frames now = std::min(kFeedFrames, feed_end - at);
    const Frames begin = std::clamp<Frames>(at, 0, frames), end = std::clamp<Frames>(at + now, 0, frames);
    if (end - begin < now) for (auto& channel : in) std::fill(channel.begin(), channel.end(), 0.0F);  // silence outside the source
    if (end > begin) {
      for (std::size_t c = 0; c < in.size(); ++c) to_fill[c] = in[c].data() + (begin - at);
      TRY(read(begin, end - begin, to_fill));
    }
    TRY(feed(now));
    at += now;
  }
  if (made < count) TRY(feed(0));
  if (made < count) return fail(Errc::internal, "soxr gave {} of {} frames from {} Hz to {} Hz", made, count, from, to);
  return result;
}

Result<void> check_rates(int from, int to) {
  for (const int rate : {from, to}) {
    if (rate < 1 || rate > kMaxRate)
      return fail(Errc::invalid_input, "a sample rate of {} Hz cannot be converted; 1 to {} Hz can", rate, kMaxRate);
  }
  return {};
}

}  // namespace

Frames converted_length(Frames frames, int from, int to) {
  const Ratio ratio = ratio_of(from, to);
  const Frames whole = frames / ratio.in, rest = frames % ratio.in;  // apart, so that nothing overflows
  return whole * ratio.out + (2 * rest * ratio.out + ratio.in) / (2 * ratio.in);
}

Frames piece_length(int from, int to) {
  const Frames unit = ratio_of(from, to).out;
  return std::max<Frames>(1, (kPieceFrames + unit / 2) / unit) * unit;
}

Frames piece_count(Frames frames, int from, int to) {
  const Frames length = piece_length(from, to);
  return (converted_length(frames, from, to) + length - 1) / length;
}

Result<Planar> convert_piece(const ReadFrames& read, int from, int to, int channels, Frames frames, Frames piece) {
  TRY(check_rates(from, to));
  assert(channels > 0 && piece >= 0 && piece < piece_count(frames, from, to));
  const Frames length = piece_length(from, to), first = piece * length;
  return convert_range(read, from, to, channels, frames, first, std::min(length, converted_length(frames, from, to) - first));
}

Result<Planar> convert_impulse_response(Planar source, int from, int to) {
  TRY(check_rates(from, to));
  if (from == to || source.empty() || source[0].empty()) return source;
  const auto frames = static_cast<Frames>(source[0].size());
  const ReadFrames read = [&](Frames first, Frames count, std::span<float* const> out) -> Result<void> {
    for (std::size_t c = 0; c < source.size(); ++c) std::copy_n(source[c].begin() + first, count, out[c]);
    return {};
  };
  TRY_ASSIGN(Planar converted,
             convert_range(read, from, to, static_cast<int>(source.size()), frames, 0, converted_length(frames, from, to)));
  const double scale = static_cast<double>(from) / to;
  for (auto& channel : converted)
    for (float& x : channel) x = static_cast<float>(x * scale);
  return converted;
}

}  // namespace dubfarm::media
