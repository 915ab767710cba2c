#include "tests/support/mix_folder.hpp"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>

namespace dubfarm::testing {
namespace fs = std::filesystem;
namespace {

struct Close {
  void operator()(SNDFILE* file) const noexcept { sf_close(file); }
};
using SoundFile = std::unique_ptr<SNDFILE, Close>;

}  // namespace

Sound read_sound(const std::string& path) {
  SF_INFO info{};
  const SoundFile file(sf_open(path.c_str(), SFM_READ, &info));
  if (!file) throw std::runtime_error(path + ": " + sf_strerror(nullptr));
  const auto channels = static_cast<std::size_t>(info.channels), frames = static_cast<std::size_t>(info.frames);
  std::vector<double> interleaved(channels * frames);
  if (sf_readf_double(file.get(), interleaved.data(), info.frames) != info.frames) throw std::runtime_error(path + ": ends too early");
  Sound sound{info.samplerate, info.format, Signal(channels, std::vector<double>(frames))};
  for (std::size_t n = 0; n < frames; ++n)
    for (std::size_t c = 0; c < channels; ++c) sound.channels[c][n] = interleaved[n * channels + c];
  return sound;
}

Signal white_noise(int channels, Frames frames, unsigned seed, double peak) {
  std::mt19937 random(seed);
  Signal signal(static_cast<std::size_t>(channels), std::vector<double>(static_cast<std::size_t>(frames)));
  for (auto& channel : signal)
    for (double& x : channel) x = peak * (static_cast<double>(random()) / 2147483647.5 - 1.0);
  return signal;
}

Signal decaying_noise(int channels, Frames frames, unsigned seed) {
  Signal ir = white_noise(channels, frames, seed, 1.0);
  for (auto& channel : ir) {
    double energy = 0;
    for (std::size_t n = 0; n < channel.size(); ++n) {
      channel[n] *= std::pow(10.0, -3.0 * static_cast<double>(n) / static_cast<double>(frames));
      energy += channel[n] * channel[n];
    }
    for (double& x : channel) x /= std::sqrt(energy);
  }
  return ir;
}

std::string MixFolder::sound(const std::string& name, const Signal& samples, int sample_rate, int format) const {
  fs::create_directories(fs::path(*this / name).parent_path());
  SF_INFO info{};
  info.channels = static_cast<int>(samples.size());
  info.samplerate = sample_rate;
  info.format = format;
  const SoundFile file(sf_open((*this / name).c_str(), SFM_WRITE, &info));
  if (!file) throw std::runtime_error(name + ": " + sf_strerror(nullptr));
  const std::size_t frames = samples.front().size();
  std::vector<double> interleaved(samples.size() * frames);
  for (std::size_t n = 0; n < frames; ++n)
    for (std::size_t c = 0; c < samples.size(); ++c) interleaved[n * samples.size() + c] = samples[c][n];
  if (sf_writef_double(file.get(), interleaved.data(), static_cast<Frames>(frames)) != static_cast<Frames>(frames))
    throw std::runtime_error(name + ": cannot be written");
  return name;
}

std::string MixFolder::text(const std::string& name, const std::string& text) const {
  fs::create_directories(fs::path(*this / name).parent_path());
  std::ofstream(*this / name, std::ios::binary | std::ios::trunc) << text;
  return *this / name;
}

std::string file_text(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> files;
  if (!fs::exists(folder)) return files;
  std::error_code vanished;  // files may come and go meanwhile
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file(vanished)) files.push_back(entry.path().lexically_relative(folder).string());
  std::sort(files.begin(), files.end());
  return files;
}

double difference_db(const Signal& a, const Signal& b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a.size() != b.size()) return kInfinity;
  double largest = 0;
  for (std::size_t c = 0; c < a.size(); ++c) {
    if (a[c].size() != b[c].size()) return kInfinity;
    for (std::size_t n = 0; n < a[c].size(); ++n) {
      const double difference = std::abs(a[c][n] - b[c][n]);
      if (!(difference < kInfinity)) return kInfinity;
      largest = std::max(largest, difference);
    }
  }
  return 20 * std::log10(largest);
}

}  // namespace dubfarm::testing
