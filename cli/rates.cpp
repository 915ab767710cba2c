#include "cli/rates.hpp"

#include <unistd.h>

#include <fstream>

#include "common/io.hpp"
#include "kernels/device/isa.hpp"

namespace dubfarm::cli {
namespace {

constexpr double kShortestSeconds = 0.05;

/// One small text file for each machine and instruction set: "dubfarm rates 1", then render and print rate.
std::string rates_path(const Store& store) {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  std::string name = fmt::format("{}-{}", host, kernels::name_of(kernels::best_isa()));
  for (char& c : name)
    if (c == '/') c = '_';
  return store.folder() + "/rates/" + name;
}

double blended(double before, double work, double seconds) {
  if (seconds < kShortestSeconds || work <= 0) return before;
  return before > 0 ? 0.5 * (before + work / seconds) : work / seconds;
}

}  // namespace

double render_work(const program::Program& program) {
  double frames = 0;
  for (const program::Track& track : program.tracks)
    for (const program::Clip& clip : track.clips) frames += static_cast<double>(clip.length) * channel_count(track.layout);
  for (const program::Reverb& reverb : program.reverbs) frames += 2.0 * static_cast<double>(program.length - reverb.output_from) * channel_count(reverb.layout);
  return frames / program.sample_rate;
}

std::optional<Rates> load_rates(const Store& store) {
  std::ifstream in(rates_path(store));
  std::string line;
  Rates rates;
  if (!std::getline(in, line) || line != "dubfarm rates 1" || !(in >> rates.render >> rates.print) || !(rates.render >= 0 && rates.print >= 0)) return std::nullopt;
  return rates;
}

Result<void> save_rates(const Store& store, const WorkDone& done) {
  const Rates before = load_rates(store).value_or(Rates{});
  const Rates now{blended(before.render, done.render_work, done.render_thread_seconds), blended(before.print, done.print_work, done.print_thread_seconds)};
  if (now.render == before.render && now.print == before.print) return {};
  TRY(make_folders(store.folder() + "/rates"));
  return write_file_atomically(rates_path(store), fmt::format("dubfarm rates 1\n{:.6g} {:.6g}\n", now.render, now.print));
}

}  // namespace dubfarm::cli
