#include "worker/ir_cache.hpp"

#include <algorithm>

namespace dubfarm::worker {

Result<std::shared_ptr<const kernels::IrSpectra>> IrCache::get(const media::Digest& ir, int inputs, int outputs, std::size_t fft_size,
                                                               kernels::Precision precision, SourceScratch& scratch) {
  const Name name{ir, inputs, fft_size, precision};
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e->name == name; });
    if (found != entries_.end()) {
      entries_.splice(entries_.end(), entries_, found);
    } else {
      entries_.push_back(std::make_shared<Entry>());
      entries_.back()->name = name;
    }
    entry = entries_.back();
  }
  std::shared_ptr<const kernels::IrSpectra> spectra;
  {
    const std::lock_guard lock(entry->mutex);
    if (entry->spectra) return entry->spectra;
    TRY_ASSIGN(const media::Planar samples, sources_.impulse_response(ir, scratch));
    if (samples.size() != static_cast<std::size_t>(inputs * outputs))
      return fail(Errc::internal, "impulse response {} has {} channels, {} were planned", ir.hex(), samples.size(), inputs * outputs);
    std::vector<const float*> channels;
    for (const auto& channel : samples) channels.push_back(channel.data());
    spectra = std::make_shared<const kernels::IrSpectra>(
        kernels::IrSpectra::prepare(channels, inputs, outputs, static_cast<Frames>(samples.front().size()), fft_size, precision));
    entry->spectra = spectra;
  }
  const std::lock_guard lock(mutex_);
  entry->size_bytes = spectra->size_bytes();
  std::size_t total = 0;
  for (auto e = entries_.rbegin(); e != entries_.rend();) {  // the latest used first; what no longer fits goes
    total += (*e)->size_bytes;
    if (total > limit_bytes_ && *e != entry && (*e)->size_bytes > 0) e = std::make_reverse_iterator(entries_.erase(std::next(e).base()));
    else ++e;
  }
  return spectra;
}

}  // namespace dubfarm::worker
