// Equalisers over signals that lie on a device.
#pragma once
#include <span>
#include <vector>

#include "common/program/program.hpp"
#include "worker/gpu/workbench.hpp"

namespace dubfarm::worker::gpu {

struct EqSignal {
  const std::vector<program::Band>* bands = nullptr;
  std::vector<float*> rows;  // its channels, filtered in place
};
/// Filters rows of `frames` frames, the first of which is frame `first` of the program. Bytes: those of the CPU's chains.
/// Errors: Errc::no_space where a chain with moving bands is longer than a device takes.
[[nodiscard]] Result<void> equalise(Workbench& bench, std::span<const EqSignal> signals, double sample_rate, Frames first, Frames frames);

}  // namespace dubfarm::worker::gpu
