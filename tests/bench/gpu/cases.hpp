// The operations of the CUDA backend as the benchmark runs them: each with inputs of its own, one way to run it, and a hash of what it wrote.
// The same cases are compiled by nvcc for the GPU and by g++ for the emulation; their hashes must be equal (FFT aside).
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/device/stream_handle.hpp"

namespace dubfarm::bench {

/// Memory that kernels work on. Copies wait for what was launched.
struct Memory {
  void* (*allocate)(std::size_t bytes);
  void (*release)(void* memory);
  void (*copy_up)(void* device, const void* host, std::size_t bytes);
  void (*copy_down)(void* host, const void* device, std::size_t bytes);
};
/// The GPU's, or, in the emulation, the host's.
[[nodiscard]] const Memory& memory();

struct Case {
  std::string operation;  // as the contract suite names it
  std::string shape;
  double samples = 0;     // that one run works on
  double bytes = 0;       // the least that it must read and write: the roofline's
  std::function<void()> prepare;  // before each run whose hash is asked for, where a run changes its own input; may be empty
  std::function<void(kernels::cuda::StreamHandle stream)> run;
  std::function<std::uint64_t()> hash;  // of all outputs, after run()
};

/// small: shapes at the edges of tiles, warps and blocks, for hashes. Else the shapes that are measured: a 60 s chunk of 256 tracks at 48 kHz.
/// Each makes its case, with its memory, when it is called.
[[nodiscard]] std::vector<std::function<Case()>> cases(bool small);

}  // namespace dubfarm::bench
