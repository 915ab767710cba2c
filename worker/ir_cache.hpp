// Impulse responses as spectra, prepared once for all chunks and threads.
#pragma once
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <tuple>

#include "kernels/convolve/convolve.hpp"
#include "worker/sources.hpp"

namespace dubfarm::worker {

/// Threads: safe. Spectra that were used longest ago go when all together pass the limit; those in use live on until they are let go.
class IrCache {
 public:
  IrCache(const Sources& sources, std::size_t limit_bytes) : sources_(sources), limit_bytes_(limit_bytes) {}

  /// The spectra of an impulse response with `inputs` x `outputs` paths, path i -> c in its channel i * outputs + c.
  Result<std::shared_ptr<const kernels::IrSpectra>> get(const media::Digest& ir, int inputs, int outputs, std::size_t fft_size,
                                                        kernels::Precision precision, SourceScratch& scratch);

 private:
  using Name = std::tuple<media::Digest, int, std::size_t, kernels::Precision>;
  struct Entry {
    Name name;
    std::mutex mutex;  // one thread prepares, the others wait; guards `spectra`
    std::shared_ptr<const kernels::IrSpectra> spectra;
    std::size_t size_bytes = 0;  // of the spectra, 0 until they are there; guarded by IrCache::mutex_
  };
  const Sources& sources_;
  std::size_t limit_bytes_;
  std::mutex mutex_;
  std::list<std::shared_ptr<Entry>> entries_;  // least recently used first
};

}  // namespace dubfarm::worker
