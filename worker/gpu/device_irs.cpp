#include "worker/gpu/device_irs.hpp"

namespace dubfarm::worker::gpu {

namespace cuda = kernels::cuda;

Result<std::shared_ptr<const IrPaths>> DeviceIrs::paths(Workbench& bench, const media::Digest& ir, int inputs, int outputs) {
  const std::lock_guard lock(mutex_);
  for (const Known& known : known_)
    if (known.ir == ir && known.paths->inputs == inputs && known.paths->outputs == outputs) return known.paths;
  TRY_ASSIGN(const media::Planar samples, bench.sources.impulse_response(ir, bench.scratch));
  if (samples.size() != static_cast<std::size_t>(inputs * outputs))
    return fail(Errc::internal, "impulse response {} has {} channels, {} were planned", ir.hex(), samples.size(), inputs * outputs);
  IrPaths paths{.inputs = inputs, .outputs = outputs, .frames = static_cast<Frames>(samples.front().size()), .energies = {}, .place = {}, .live = {}};
  for (const auto& channel : samples) {
    double energy = 0;
    for (const float tap : channel) energy += static_cast<double>(tap) * static_cast<double>(tap);
    paths.energies.push_back(energy);
    paths.place.push_back(energy != 0 ? paths.sounding++ : -1);
  }
  for (int c = 0; c < outputs; ++c)
    for (int i = 0; i < inputs && (paths.live.empty() || paths.live.back() != c); ++i)
      if (paths.place[static_cast<std::size_t>(i * outputs + c)] >= 0) paths.live.push_back(c);
  return known_.emplace_back(Known{ir, std::make_shared<const IrPaths>(std::move(paths))}).paths;
}

Result<Residents::Held> DeviceIrs::spectra(Workbench& bench, const media::Digest& ir, const IrPaths& paths, Frames size, bool in_double, void* plan, void* signal) {
  const std::size_t real = in_double ? sizeof(double) : sizeof(float), row_bytes = (static_cast<std::size_t>(size) + 2) * real;
  const auto make = [&](std::byte* memory, const std::vector<Residents::Held>&) -> Result<void> {
    TRY_ASSIGN(const media::Planar samples, bench.sources.impulse_response(ir, bench.scratch));
    for (std::size_t p = 0; p < samples.size(); ++p) {
      if (paths.place[p] < 0) continue;
      TRY(bench.check_cancelled());
      TRY_ASSIGN(float* const taps, bench.put(samples[p]));
      TRY_ASSIGN(cuda::Placed* const row, bench.put(std::vector<cuda::Placed>{{taps, static_cast<Frames>(samples[p].size()), signal}}));
      bench.operations.place({row, 1, size, 1.0 / static_cast<double>(size), in_double}, bench.stream.get());
      if (!bench.operations.fft->forward(plan, signal, memory + static_cast<std::size_t>(paths.place[p]) * row_bytes, bench.stream.get()))
        return fail(Errc::backend_not_built, "the device's transform of {} frames failed", size);
    }
    return {};
  };
  const Residents::Name name{in_double ? Residents::Kind::ir_float64 : Residents::Kind::ir_float32, ir, {paths.inputs, paths.outputs}, 0, size};
  TRY_ASSIGN(Residents::Found found, bench.residents.get(name, static_cast<std::size_t>(paths.sounding) * row_bytes, bench.stream, make));
  return found.resident;
}

}  // namespace dubfarm::worker::gpu
