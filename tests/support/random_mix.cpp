#include "tests/support/random_mix.hpp"

#include <sndfile.h>

#include <cmath>
#include <random>

namespace dubfarm::testing {
namespace {

/// The standard's distributions differ from library to library; these do not.
class Chance {
 public:
  explicit Chance(unsigned seed) : random_(seed) {}
  double between(double low, double high) { return low + (high - low) * static_cast<double>(random_()) / 4294967296.0; }
  Frames frames(Frames low, Frames high) { return low + static_cast<Frames>(random_() % static_cast<unsigned long>(high - low)); }
  int below(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
  bool one_in(int count) { return below(count) == 0; }
  template <class T>
  T one_of(std::initializer_list<T> choices) { return *(choices.begin() + below(static_cast<int>(choices.size()))); }

 private:
  std::mt19937 random_;
};

struct SourceFile {
  std::string name;
  int channels;
  Frames frames;
};

class Composer {
 public:
  Composer(unsigned seed, const MixFolder& folder, const RandomMixOptions& options)
      : chance_(seed), seed_(seed), folder_(folder), options_(options), rate_(chance_.one_in(4) ? 44100 : 48000),
        length_(static_cast<Frames>(options.seconds * rate_) + chance_.below(1000)) {}

  Json compose() {
    make_media();
    Json mix = {{"dubfarm", 1},
                {"title", "Chance"},
                {"sample_rate", rate_},
                {"frame_rate", chance_.one_of<const char*>({"23.976", "24", "25", "29.97df", "30", "60"})},
                {"start", "01:00:00:00"},
                {"length", length_},
                {"variables", {{"lang", "en"}}}};
    mix["buses"] = {{{"name", "DX"}, {"layout", "5.1"}, {"eq", bands(2)}, {"gain_db", level(-3, 2)}},
                    {{"name", "MX"}, {"layout", "stereo"}, {"gain_db", level(-3, 2)}},
                    {{"name", "FOL"}, {"layout", "stereo"}, {"bus", "FX"}, {"eq", bands(1)}},
                    {{"name", "FX"}, {"layout", chance_.one_of<const char*>({"5.1", "7.1", "7.1.4"})}, {"eq", bands(1)}},
                    {{"name", "SUB"}, {"layout", "mono"}, {"bus", "FOL"}, {"gain_db", level(-9, 0)}}};
    mix["reverbs"] = {{{"name", "Hall"}, {"ir", "ir/hall.wav"}, {"bus", "FX"}, {"layout", "5.1"}, {"predelay", "23ms"}, {"gain_db", level(-9, -3)},
                       {"eq", bands(1)}},
                      {{"name", "Plate"}, {"ir", "ir/plate.wav"}, {"bus", chance_.one_of<const char*>({"MX", "FOL"})}, {"layout", "stereo"},
                       {"input", "stereo"}, {"predelay", chance_.frames(0, 2000)}, {"gain_db", level(-9, -3)}},
                      {{"name", "Room"}, {"ir", "ir/room.wav"}, {"bus", "DX"}, {"layout", "stereo"}, {"eq", bands(1)}}};
    mix["tracks"] = Json::array();
    for (int t = 0; t < options_.tracks; ++t) mix["tracks"].push_back(track(t));
    mix["versions"] = {{{"name", "en"}},
                       {{"name", "fr"}, {"set", {{"lang", "fr"}}}, {"mute", {{"tracks", {"T 3"}}, {"buses", {"SUB"}}}},
                        {"adjust", {{{"tracks", {"T [0-4]"}}, {"gain_db", -2.5}}, {{"buses", {"FX", "MX"}}, {"gain_db", 1.5}}}}}};
    if (options_.has_recuts) mix["versions"].push_back({{"name", "v2"}, {"recut", change_list()}, {"set", {{"lang", "fr"}}}});
    if (options_.has_recuts && chance_.one_in(3)) mix["versions"].back()["recut_fade"] = chance_.one_of<const char*>({"0s", "1ms", "80ms", "700ms"});
    if (options_.has_recuts && chance_.one_in(3)) mix["versions"].back()["length"] = chance_.frames(length_ / 2, length_);
    mix["deliverables"] = {{{"name", "51"}, {"layout", "5.1"}, {"file", "{version}/51.wav"}, {"mix", {{"MX", -4.5}}}},
                           {{"name", "20"}, {"layout", "stereo"}, {"file", "{version}/20.wav"}},
                           {{"name", "mono"}, {"layout", "mono"}, {"file", "{version}/mono.wav"}, {"include", {"?X"}}},
                           {{"name", "own"}, {"layout", "stereo"}, {"file", "{version}/own.wav"}, {"include", {"DX"}}, {"mix", {{"DX", 1.0}}},
                            {"matrix", {{0.9, -0.2, 0.5, 0.3, 0.7, 0}, {0, 1.1, 0.5, 0.3, 0, -0.6}}}},
                           {{"name", "stems"}, {"per_bus", true}, {"file", "{version}/{bus}.wav"}}};
    for (Json& deliverable : mix["deliverables"]) deliverable["bits"] = "float";
    return mix;
  }

 private:
  void make_media() {
    const int formats[] = {SF_FORMAT_WAV | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_PCM_24, SF_FORMAT_WAV | SF_FORMAT_PCM_32,
                           SF_FORMAT_WAV | SF_FORMAT_FLOAT, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_24};
    for (int i = 0; i < 6; ++i) {
      const int channels = i < 2 ? 1 : i < 4 ? 2 : 6, format = formats[(i + static_cast<int>(seed_)) % 6];
      const Frames frames = static_cast<Frames>(chance_.between(0.7, 3.5) * rate_);
      const bool is_flac = (format & SF_FORMAT_TYPEMASK) == SF_FORMAT_FLAC;
      const std::string name = "source " + std::to_string(i) + (is_flac ? ".flac" : ".wav");
      sources_.push_back({folder_.sound(name, white_noise(channels, frames, seed_ * 100 + static_cast<unsigned>(i)), rate_, format), channels, frames});
    }
    for (const char* lang : {"en", "fr"})
      folder_.sound(std::string("dialogue/") + lang + ".wav", white_noise(1, 3 * rate_, seed_ * 100 + static_cast<unsigned>(lang[0])), rate_);
    sources_.push_back({"dialogue/{lang}.wav", 1, 3 * rate_});
    const auto ir = [&](const char* name, int channels, double seconds) {
      folder_.sound(name, decaying_noise(channels, static_cast<Frames>(seconds * rate_), seed_ * 100 + 50), rate_, SF_FORMAT_WAV | SF_FORMAT_FLOAT);
    };
    ir("ir/hall.wav", 6, 0.6);
    ir("ir/plate.wav", 4, 0.25);
    ir("ir/room.wav", 2, 0.05);
  }

  /// A number, or points in and around the timeline, `high` and `low` apart at most.
  Json automation(double low, double high, bool logarithmic = false) {
    Json points = Json::array();
    const auto value = [&] { return logarithmic ? std::exp(chance_.between(std::log(low), std::log(high))) : chance_.between(low, high); };
    Frames at = chance_.frames(-rate_, rate_);
    for (int count = 1 + chance_.below(6); count > 0; --count) {
      points.push_back({at, value()});
      at += 1 + chance_.frames(0, chance_.one_in(3) ? 500 : 2 * rate_);
    }
    return points;
  }
  Json level(double low, double high) {
    if (chance_.one_in(2)) return chance_.between(low, high);
    Json points = automation(low, high);
    if (chance_.one_in(3)) points.push_back({points.back()[0].get<Frames>() + rate_, -144});
    return points;
  }
  Json bands(int most) {
    Json list = Json::array();
    for (int count = chance_.below(most + 1); count > 0; --count) {
      Json band = {{"type", chance_.one_of<const char*>({"peak", "lowshelf", "highshelf", "highpass", "lowpass", "bandpass", "notch", "allpass"})},
                   {"freq", std::exp(chance_.between(std::log(60), std::log(16000)))},
                   {"q", chance_.between(0.4, 3)},
                   {"gain_db", chance_.between(-9, 6)}};
      if (options_.has_moving_eq && chance_.one_in(3)) band["freq"] = automation(100, 15000, true);
      if (options_.has_moving_eq && chance_.one_in(4)) band["gain_db"] = automation(-9, 6);
      if (options_.has_moving_eq && chance_.one_in(5)) band["q"] = automation(0.4, 3, true);
      list.push_back(band);
    }
    return list;
  }

  /// Stretches of the timeline in a new order or the old one, some twice, some left out, some apart, some of a few samples.
  Json change_list() {
    Json events = Json::array();
    Frames at = chance_.one_in(3) ? chance_.frames(1, 5000) : 0, old_at = 0;
    for (int count = 4 + chance_.below(6); count > 0; --count) {
      if (chance_.one_in(2)) old_at = chance_.frames(0, length_ - 3000);
      else if (chance_.one_in(2)) old_at = std::min(length_ - 3000, old_at + chance_.frames(1, 9000));
      const Frames length = std::min(length_ - old_at, chance_.one_in(4) ? chance_.frames(1, 200) : chance_.frames(200, rate_));
      events.push_back({{"new", at}, {"old", old_at}, {"length", length}});
      at += length;
      old_at += length;
      if (old_at >= length_) old_at = 0;
      if (chance_.one_in(4)) at += chance_.frames(1, chance_.one_in(2) ? 100 : 9000);
    }
    return events;
  }

  Json clip(int channels) {
    const SourceFile* source = nullptr;
    do source = &sources_[static_cast<std::size_t>(chance_.below(static_cast<int>(sources_.size())))];
    while (source->channels < channels);
    const Frames in = chance_.frames(0, source->frames / 3), length = chance_.frames(2000, source->frames - in);
    Json clip = {{"file", source->name}, {"at", chance_.frames(-length / 2, length_ - 1000)}, {"in", in}, {"length", length}};
    clip["gain_db"] = chance_.between(-9, 0);
    if (chance_.one_in(3)) clip["channels"] = Json::array();
    for (int c = 0; clip.contains("channels") && c < channels; ++c) clip["channels"].push_back(1 + chance_.below(source->channels));
    for (const char* side : {"fade_in", "fade_out"})
      if (!chance_.one_in(3))
        clip[side] = {{"length", chance_.frames(0, length / 2)}, {"curve", chance_.one_of<const char*>({"linear", "equal_power", "cosine"})}};
    if (chance_.one_in(6)) {  // the rest of the source, as it is
      clip.erase("length");
      clip.erase("fade_in");
    }
    return clip;
  }

  Json track(int index) {
    const int channels = index < 5 ? 1 : chance_.one_of({1, 2, 2, 6});
    const char* const every[] = {"DX", "MX", "FX", "FOL", "SUB"};
    const char* const bus = every[index < 3 ? index : chance_.below(5)];  // no stem without a track
    Json track = {{"name", "T " + std::to_string(index)}, {"bus", bus}, {"layout", channels == 1 ? "mono" : channels == 2 ? "stereo" : "5.1"}};
    track["clips"] = Json::array();
    for (int c = 0; c < 2 + chance_.below(2); ++c) track["clips"].push_back(clip(channels));
    if (!chance_.one_in(3)) track["eq"] = bands(4);
    track["gain_db"] = level(-12, 0);
    if (channels == 1 && !chance_.one_in(3)) track["pan"] = {{"azimuth", chance_.one_in(2) ? Json(chance_.between(-200, 200)) : automation(-400, 400)}};
    if ((bus == std::string("DX") || bus == std::string("FX")) && chance_.one_in(2)) track["lfe_db"] = level(-12, -6);
    if (chance_.one_in(10)) track["mute"] = true;
    for (const char* reverb : {"Hall", "Plate", "Room"})
      if (chance_.one_in(2)) track["sends"].push_back({{"to", reverb}, {"gain_db", level(-15, -6)}, {"pre_fader", chance_.one_in(2)}});
    return track;
  }

  Chance chance_;
  unsigned seed_;
  const MixFolder& folder_;
  RandomMixOptions options_;
  int rate_;
  Frames length_;
  std::vector<SourceFile> sources_;
};

}  // namespace

Json random_mix(unsigned seed, const MixFolder& folder, const RandomMixOptions& options) { return Composer(seed, folder, options).compose(); }

}  // namespace dubfarm::testing
