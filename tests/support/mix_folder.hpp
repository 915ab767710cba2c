// A folder for one test with media and mix documents in it, and what was rendered from them.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/units.hpp"
#include "tests/support/temporary_folder.hpp"

namespace dubfarm::testing {

using Json = nlohmann::ordered_json;

/// Samples [channels][frames], in double: the truth is never rounded.
using Signal = std::vector<std::vector<double>>;

/// A sound file as libsndfile reads it: integers as x / 2^(bits - 1).
struct Sound {
  int sample_rate = 0;
  int format = 0;  // libsndfile's
  Signal channels;
  [[nodiscard]] Frames frames() const { return channels.empty() ? 0 : static_cast<Frames>(channels.front().size()); }
};
[[nodiscard]] Sound read_sound(const std::string& path);

/// White noise of its own for every seed, uniform in [-peak, peak], the same on every machine.
[[nodiscard]] Signal white_noise(int channels, Frames frames, unsigned seed, double peak = 0.25);
/// Noise that decays by 60 dB over its length, with unit energy in each channel: an impulse response that keeps levels.
[[nodiscard]] Signal decaying_noise(int channels, Frames frames, unsigned seed);

class MixFolder : public TemporaryFolder {
 public:
  /// Writes a sound file, folders made at need; the format is libsndfile's (default: 24-bit WAV). @return `name`.
  std::string sound(const std::string& name, const Signal& samples, int sample_rate = 48000, int format = 0x010003) const;
  /// Writes text. @return the whole path.
  std::string text(const std::string& name, const std::string& text) const;
  /// Writes a mix document. @return the whole path.
  std::string mix(const Json& document, const std::string& name = "film.mix.json") const { return text(name, document.dump(1) + "\n"); }
};

[[nodiscard]] std::string file_text(const std::string& path);
/// Every regular file below a folder, relative, sorted; none where there is no folder.
[[nodiscard]] std::vector<std::string> files_below(const std::string& folder);

/// The largest difference of two signals in dBFS: -infinity where they are equal, +infinity where a shape differs or a sample is no number.
[[nodiscard]] double difference_db(const Signal& a, const Signal& b);

}  // namespace dubfarm::testing
