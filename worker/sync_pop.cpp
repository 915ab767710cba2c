#include "worker/sync_pop.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/filter/elementary.hpp"
#include "common/media/digest.hpp"
#include "common/media/probe.hpp"
#include "kernels/quantise/quantise.hpp"
#include "worker/source_reader.hpp"

namespace dubfarm::worker {

double pop_sample(Frames n, int sample_rate) {
  const double quarters = 4 * static_cast<double>(n * kPopHertz % sample_rate) / sample_rate;  // of a period
  const double sine = quarters <= 1 ? sin_half_pi(quarters) : quarters <= 3 ? sin_half_pi(2 - quarters) : sin_half_pi(quarters - 4);
  return kPopPeak * sine;
}

Result<void> write_pop(media::OutputFile& file, const SyncPop& pop, int channels, int sample_rate, mix::SampleType type) {
  std::vector<double> tone;
  for (Frames n = 0; n < pop.length; ++n) tone.push_back(pop_sample(n, sample_rate));
  const std::vector<const double*> planes(static_cast<std::size_t>(channels), tone.data());
  std::vector<int> order(planes.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::byte> bytes(planes.size() * tone.size() * static_cast<std::size_t>(media::bytes_per_sample(type)));
  kernels::QuantiseArgs args;
  args.channels = planes.data();
  args.order = order;
  args.count = pop.length;
  args.type = type;
  args.out = bytes.data();
  kernels::quantise(args);
  return file.write(pop.at, bytes);
}

bool has_pop(const std::string& path, const SyncPop& pop, Frames from, Frames to, mix::SampleType type) {
  auto info = media::probe(path);
  auto stamp = media::stamp(path);
  if (!info.ok() || !stamp.ok() || info->frames < to) return false;
  const int channels = info->channels, sample_rate = info->sample_rate;
  const auto reader = SourceReader::open(*info, *stamp);
  if (!reader.ok()) return false;
  from = std::max(from, pop.at - sample_rate);
  to = std::min(to, pop.at + pop.length + sample_rate);
  std::vector<std::vector<float>> audio(static_cast<std::size_t>(channels), std::vector<float>(static_cast<std::size_t>(to - from)));
  std::vector<int> order(audio.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<float*> planes;
  for (auto& channel : audio) planes.push_back(channel.data());
  ReadScratch scratch;
  if (!(*reader)->read(from, to - from, order, planes, scratch).ok()) return false;
  const double step = type == mix::SampleType::int16 ? 0x1p-15 : 0x1p-23;
  for (const auto& channel : audio)
    for (Frames n = from; n < to; ++n) {
      const bool sounds = pop.at <= n && n < pop.at + pop.length;
      const double want = sounds ? pop_sample(n - pop.at, sample_rate) : 0;
      if (!(std::abs(static_cast<double>(channel[static_cast<std::size_t>(n - from)]) - want) <= step)) return false;
    }
  return true;
}

}  // namespace dubfarm::worker
