// Impulse responses on a device: as spectra, prepared once for all chunks that have transforms of that size.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "common/media/digest.hpp"
#include "worker/gpu/fft_plans.hpp"
#include "worker/gpu/workbench.hpp"

namespace dubfarm::worker::gpu {

/// What is known of an impulse response without its spectra. Path i -> c is channel i * outputs + c.
struct IrPaths {
  int inputs = 0, outputs = 0;
  Frames frames = 0;
  std::vector<double> energies;  // [inputs * outputs]: sums of the squares of its taps; 0: no such path
  std::vector<int> place;        // [inputs * outputs]: its place among the paths that sound, -1: none
  int sounding = 0;
  std::vector<int> live;         // outputs that some path reaches, ascending
};

/// Threads: safe.
class DeviceIrs {
 public:
  [[nodiscard]] Result<std::shared_ptr<const IrPaths>> paths(Workbench& bench, const media::Digest& ir, int inputs, int outputs);
  /// The spectra, [sounding][size + 2] float or double, scaled by 1 / size. plan: for that size and precision, with its work area.
  /// signal: [size] of that precision, used on the stream.
  [[nodiscard]] Result<Residents::Held> spectra(Workbench& bench, const media::Digest& ir, const IrPaths& paths, Frames size, bool in_double, void* plan,
                                                void* signal);

 private:
  struct Known {
    media::Digest ir;
    std::shared_ptr<const IrPaths> paths;
  };
  std::mutex mutex_;
  std::vector<Known> known_;  // few: a film has tens of them
};

}  // namespace dubfarm::worker::gpu
