#include "tests/support/reference_mix.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <map>
#include <numbers>
#include <span>
#include <stdexcept>
#include <string>

namespace dubfarm::testing {
namespace {

using mix::Automation;
using mix::FilterType;
constexpr double kPi = std::numbers::pi;
const double kHalf = std::sqrt(0.5);

// ---- layouts, by the names of their channels

using Names = std::vector<std::string>;

const Names& names(Layout layout) {
  static const std::map<Layout, Names> all = {{Layout::mono, {"M"}},
                                              {Layout::stereo, {"L", "R"}},
                                              {Layout::surround_51, {"L", "R", "C", "LFE", "Ls", "Rs"}},
                                              {Layout::surround_71, {"L", "R", "C", "LFE", "Lss", "Rss", "Lrs", "Rrs"}},
                                              {Layout::immersive_714, {"L", "R", "C", "LFE", "Lss", "Rss", "Lrs", "Rrs", "Ltf", "Rtf", "Ltr", "Rtr"}}};
  return all.at(layout);
}

std::size_t channel(Layout layout, const std::string& name) {
  const Names& all = names(layout);
  const auto found = std::find(all.begin(), all.end(), name);
  if (found == all.end()) throw std::logic_error("no channel " + name);
  return static_cast<std::size_t>(found - all.begin());
}

Signal silence(std::size_t channels, std::size_t frames) { return Signal(channels, std::vector<double>(frames, 0.0)); }

void add(std::vector<double>& to, const std::vector<double>& from, double gain) {
  for (std::size_t n = 0; n < to.size(); ++n) to[n] += gain * from[n];
}

struct Feed {
  std::string to, from;
  double gain;
};

/// One row of the format's table of matrices.
std::vector<Feed> feeds(Layout from, Layout to) {
  std::vector<Feed> list;
  const auto same = [&](Layout common) { for (const std::string& n : names(common)) list.push_back({n, n, 1.0}); };
  if (from == Layout::mono && to == Layout::stereo) return {{"L", "M", kHalf}, {"R", "M", kHalf}};
  if (from == Layout::mono) return {{"C", "M", 1.0}};
  if (from == Layout::stereo && to == Layout::mono) return {{"M", "L", kHalf}, {"M", "R", kHalf}};
  if (from == Layout::stereo) return {{"L", "L", 1.0}, {"R", "R", 1.0}};
  if (from == Layout::surround_51 && to == Layout::stereo)
    return {{"L", "L", 1.0}, {"L", "C", kHalf}, {"L", "Ls", kHalf}, {"R", "R", 1.0}, {"R", "C", kHalf}, {"R", "Rs", kHalf}};
  if (from == Layout::surround_51 && to > from)
    return {{"L", "L", 1.0}, {"R", "R", 1.0}, {"C", "C", 1.0}, {"LFE", "LFE", 1.0}, {"Lss", "Ls", 1.0}, {"Rss", "Rs", 1.0}};
  if (from == Layout::surround_71 && to == Layout::surround_51)
    return {{"L", "L", 1.0}, {"R", "R", 1.0}, {"C", "C", 1.0}, {"LFE", "LFE", 1.0}, {"Ls", "Lss", kHalf}, {"Ls", "Lrs", kHalf},
            {"Rs", "Rss", kHalf}, {"Rs", "Rrs", kHalf}};
  if (from == Layout::surround_71 && to == Layout::immersive_714) same(Layout::surround_71);
  if (from == Layout::immersive_714 && to == Layout::surround_71) {
    same(Layout::surround_71);
    for (const auto& [ear, height] : {std::pair{"L", "Ltf"}, {"Lss", "Ltr"}, {"R", "Rtf"}, {"Rss", "Rtr"}}) list.push_back({ear, height, kHalf});
  }
  return list;
}

Signal convert(const Signal& x, Layout from, Layout to) {
  if (from == to) return x;
  const std::vector<Feed> list = feeds(from, to);
  if (list.empty()) {  // a longer path: one step down, then the rest
    const auto below = static_cast<Layout>(static_cast<int>(from) - 1);
    return convert(convert(x, from, below), below, to);
  }
  Signal y = silence(names(to).size(), x.front().size());
  for (const Feed& feed : list) add(y[channel(to, feed.to)], x[channel(from, feed.from)], feed.gain);
  return y;
}

// ---- levels and automation

double decibels(double db) { return db <= -144 ? 0.0 : std::pow(10.0, db / 20); }

/// The value at a position; with `logarithmic`, linear in the logarithm.
double value_at(const Automation& a, double at, bool logarithmic = false) {
  if (a.points.empty()) return a.constant;
  const auto of = [&](const mix::AutomationPoint& p) { return logarithmic ? std::log(p.value) : p.value; };
  double value = 0;
  if (at <= static_cast<double>(a.points.front().at)) value = of(a.points.front());
  else if (at >= static_cast<double>(a.points.back().at)) value = of(a.points.back());
  else {
    const auto next = std::find_if(a.points.begin(), a.points.end(), [&](const auto& p) { return static_cast<double>(p.at) > at; });
    const auto last = std::prev(next);
    const double share = (at - static_cast<double>(last->at)) / static_cast<double>(next->at - last->at);
    value = of(*last) + share * (of(*next) - of(*last));
  }
  return logarithmic ? std::exp(value) : value;
}

/// Where every sample of the rendered timeline stood on the document's; -1 where a recut leaves a hole.
using OldTime = std::vector<double>;

void apply_level(Signal& x, const Automation& db, const OldTime& time, double add_db = 0) {
  double gain = decibels(db.constant + add_db);
  for (std::size_t n = 0; n < x.front().size(); ++n) {
    if (!db.is_constant()) gain = decibels(value_at(db, time[n]) + add_db);
    for (auto& samples : x) samples[n] *= gain;
  }
}

// ---- equalisers

/// R. Bristow-Johnson's Audio EQ Cookbook, as transposed direct form II.
void biquad(std::vector<double>& x, FilterType type, double freq, double q, double gain_db, double rate) {
  const double A = std::pow(10.0, gain_db / 40), w = 2 * kPi * freq / rate, cs = std::cos(w), alpha = std::sin(w) / (2 * q);
  double b0 = 0, b1 = 0, b2 = 0, a0 = 1 + alpha, a1 = -2 * cs, a2 = 1 - alpha;
  const double s = type == FilterType::lowshelf ? 1 : -1, root = 2 * std::sqrt(A) * alpha;  // of the shelves
  switch (type) {
    case FilterType::peak:
      b0 = 1 + alpha * A, b1 = -2 * cs, b2 = 1 - alpha * A, a0 = 1 + alpha / A, a2 = 1 - alpha / A;
      break;
    case FilterType::lowshelf:
    case FilterType::highshelf:
      b0 = A * (A + 1 - s * (A - 1) * cs + root), b1 = s * 2 * A * (A - 1 - s * (A + 1) * cs), b2 = A * (A + 1 - s * (A - 1) * cs - root);
      a0 = A + 1 + s * (A - 1) * cs + root, a1 = s * -2 * (A - 1 + s * (A + 1) * cs), a2 = A + 1 + s * (A - 1) * cs - root;
      break;
    case FilterType::highpass: b0 = (1 + cs) / 2, b1 = -(1 + cs), b2 = b0; break;
    case FilterType::lowpass: b0 = (1 - cs) / 2, b1 = 1 - cs, b2 = b0; break;
    case FilterType::bandpass: b0 = alpha, b1 = 0, b2 = -alpha; break;
    case FilterType::notch: b0 = 1, b1 = -2 * cs, b2 = 1; break;
    case FilterType::allpass: b0 = 1 - alpha, b1 = -2 * cs, b2 = 1 + alpha; break;
  }
  double s1 = 0, s2 = 0;
  for (double& sample : x) {
    const double in = sample, out = b0 / a0 * in + s1;
    s1 = b1 / a0 * in - a1 / a0 * out + s2;
    s2 = b2 / a0 * in - a2 / a0 * out;
    sample = out;
  }
}

struct Svf {
  double g = 0, k = 1, m0 = 1, m1 = 0, m2 = 0;
};

Svf svf(FilterType type, double freq, double q, double gain_db, double rate) {
  const double A = std::pow(10.0, gain_db / 40), g = std::tan(kPi * freq / rate), k = 1 / q;
  switch (type) {
    case FilterType::peak: return {g, 1 / (q * A), 1, (A * A - 1) / (q * A), 0};
    case FilterType::lowshelf: return {g / std::sqrt(A), k, 1, k * (A - 1), A * A - 1};
    case FilterType::highshelf: return {g * std::sqrt(A), k, A * A, k * (1 - A) * A, 1 - A * A};
    case FilterType::highpass: return {g, k, 1, -k, -1};
    case FilterType::lowpass: return {g, k, 0, 0, 1};
    case FilterType::bandpass: return {g, k, 0, k, 0};
    case FilterType::notch: return {g, k, 1, -k, 0};
    case FilterType::allpass: return {g, k, 1, -2 * k, 0};
  }
  return {};
}

/// The moving band: coefficients at control points, linear between, an SvfLinearTrapOptimised2 driven by them.
void moving_band(Signal& x, const mix::EqBand& band, double rate, const OldTime& time) {
  std::vector<Frames> points;
  for (const Automation* a : {&band.freq_hz, &band.q, &band.gain_db})
    for (const mix::AutomationPoint& p : a->points) points.push_back(p.at);
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  std::vector<std::pair<double, Svf>> controls;
  for (std::size_t i = 0; i < points.size(); ++i)
    for (Frames at = points[i]; at == points[i] || (i + 1 < points.size() && at < points[i + 1]); at += 64) {
      const auto t = static_cast<double>(at);
      controls.emplace_back(t, svf(band.type, value_at(band.freq_hz, t, true), value_at(band.q, t, true), value_at(band.gain_db, t), rate));
      if (i + 1 == points.size()) break;
    }
  std::vector<double> first(x.size(), 0.0), second(x.size(), 0.0);
  std::size_t next = 0;  // the first control point after t
  const Svf in_hole = svf(band.type, value_at(band.freq_hz, -1, true), value_at(band.q, -1, true), value_at(band.gain_db, -1), rate);
  for (std::size_t n = 0; n < x.front().size(); ++n) {
    const double t = time[n];
    if (n == 0 || t != time[n - 1] + 1) next = 0;
    while (next < controls.size() && controls[next].first <= t) ++next;
    Svf c = controls[next == 0 ? 0 : next - 1].second;
    if (next > 0 && next < controls.size()) {
      const auto& [to, end] = controls[next];
      const double share = (t - controls[next - 1].first) / (to - controls[next - 1].first);
      const auto blend = [&](double a, double b) { return a + share * (b - a); };
      c = {blend(c.g, end.g), blend(c.k, end.k), blend(c.m0, end.m0), blend(c.m1, end.m1), blend(c.m2, end.m2)};
    }
    if (t < 0) c = in_hole;
    const double a1 = 1 / (1 + c.g * (c.g + c.k)), a2 = c.g * a1, a3 = c.g * a2;
    for (std::size_t ch = 0; ch < x.size(); ++ch) {
      const double v0 = x[ch][n], v3 = v0 - second[ch];
      const double v1 = a1 * first[ch] + a2 * v3, v2 = second[ch] + a2 * first[ch] + a3 * v3;
      first[ch] = 2 * v1 - first[ch];
      second[ch] = 2 * v2 - second[ch];
      x[ch][n] = c.m0 * v0 + c.m1 * v1 + c.m2 * v2;
    }
  }
}

void equalise(Signal& x, const std::vector<mix::EqBand>& bands, double rate, const OldTime& time) {
  for (const mix::EqBand& band : bands) {
    if (!band.freq_hz.is_constant() || !band.q.is_constant() || !band.gain_db.is_constant()) moving_band(x, band, rate, time);
    else
      for (auto& samples : x) biquad(samples, band.type, band.freq_hz.constant, band.q.constant, band.gain_db.constant, rate);
  }
}

// ---- pan

/// Loudspeakers on the horizontal circle from the right around the front to the left, and on: azimuth and channel.
using Ring = std::vector<std::pair<double, std::size_t>>;

Ring ring_of(Layout layout) {
  std::map<double, std::string> ring = {{-30, "R"}, {0, "C"}, {30, "L"}};
  if (layout == Layout::surround_51) ring.insert({{110, "Ls"}, {-110, "Rs"}});
  else ring.insert({{90, "Lss"}, {135, "Lrs"}, {-90, "Rss"}, {-135, "Rrs"}});
  Ring channels;
  for (const auto& [azimuth, name] : ring) channels.emplace_back(azimuth, channel(layout, name));
  return channels;
}

/// The gains of the two loudspeakers of `ring` that enclose an azimuth, others zero.
void pan_around(const Ring& ring, double azimuth, std::vector<double>& gains) {
  std::fill(gains.begin(), gains.end(), 0.0);
  const auto turn = [](double degrees) { return degrees - 360 * std::floor(degrees / 360); };  // into [0, 360)
  for (std::size_t i = 0; i < ring.size(); ++i) {
    const auto& [right, right_channel] = ring[i];
    const auto& [left, left_channel] = ring[(i + 1) % ring.size()];
    const double width = turn(left - right), offset = turn(azimuth - right);
    if (offset >= width) continue;
    // Two-dimensional VBAP: the direction is gr * right + gl * left; by the sine rule, before power is normalised.
    const double gl = std::sin(offset * kPi / 180), gr = std::sin((width - offset) * kPi / 180), power = std::hypot(gl, gr);
    gains[left_channel] = gl / power;
    gains[right_channel] = gr / power;
    return;
  }
}

Signal panned(const std::vector<double>& x, Layout to, const Automation& azimuth, const OldTime& time) {
  if (to == Layout::mono) return {x};
  Signal y = silence(names(to).size(), x.size());
  const Ring ring = to == Layout::stereo ? Ring{} : ring_of(to);
  std::vector<double> gains(y.size());
  for (std::size_t n = 0; n < x.size(); ++n) {
    if (n == 0 || !azimuth.is_constant()) {
      const double degrees = value_at(azimuth, time[n]), p = (30 - std::clamp(degrees, -30.0, 30.0)) / 60;
      if (to == Layout::stereo) gains = {std::cos(p * kPi / 2), std::sin(p * kPi / 2)};
      else pan_around(ring, degrees, gains);
    }
    for (std::size_t c = 0; c < y.size(); ++c) y[c][n] = gains[c] * x[n];
  }
  return y;
}

// ---- convolution

using Complex = std::complex<double>;

Complex product(Complex a, Complex b) {  // without std::complex's care for infinities
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

/// In place, a power of two long: bit reversal, then butterflies. sign -1 forward, +1 back (not scaled).
void fft(std::vector<Complex>& x, int sign) {
  const std::size_t size = x.size();
  for (std::size_t i = 1, j = 0; i < size; ++i) {
    std::size_t bit = size >> 1;
    for (; (j & bit) != 0; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  thread_local std::map<std::pair<std::size_t, int>, std::vector<Complex>> tables;  // exp(sign i pi k / half), by half and sign
  for (std::size_t half = 1; half < size; half *= 2) {
    std::vector<Complex>& turns = tables[{half, sign}];
    for (std::size_t k = turns.size(); k < half; ++k) turns.push_back(std::polar(1.0, sign * kPi * static_cast<double>(k) / static_cast<double>(half)));
    for (std::size_t start = 0; start < size; start += 2 * half)
      for (std::size_t k = 0; k < half; ++k) {
        const Complex a = x[start + k], b = product(x[start + k + half], turns[k]);
        x[start + k] = a + b;
        x[start + k + half] = a - b;
      }
  }
}

/// y[c] += x * ir[c], delayed, cut to the timeline. Blocks of x are convolved apart and their tails overlap; since all signals are real, two
/// responses share a transform, one as its real part, one as its imaginary part.
void convolve(const std::vector<double>& x, std::span<const std::vector<double>> ir, std::size_t delay, Signal& y) {
  const std::size_t frames = x.size(), taps = ir.front().size(), channels = ir.size();
  std::size_t size = 1;
  while (size < 2 * taps) size *= 2;
  std::vector<std::vector<Complex>> responses;
  for (std::size_t c = 0; c < channels; c += 2) {
    std::vector<Complex>& response = responses.emplace_back(size);
    for (std::size_t i = 0; i < taps; ++i) response[i] = {ir[c][i], c + 1 < channels ? ir[c + 1][i] : 0.0};
    fft(response, -1);
  }
  const std::size_t block = size - taps + 1;
  for (std::size_t first = 0; first + delay < frames; first += block) {
    std::vector<Complex> part(size), wet(size);
    std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(first), std::min(block, frames - first), part.begin());
    fft(part, -1);
    for (std::size_t c = 0; c < channels; c += 2) {
      for (std::size_t f = 0; f < size; ++f) wet[f] = product(part[f], responses[c / 2][f]);
      fft(wet, 1);
      for (std::size_t i = 0; i < size && first + delay + i < frames; ++i) {
        y[c][first + delay + i] += wet[i].real() / static_cast<double>(size);
        if (c + 1 < channels) y[c + 1][first + delay + i] += wet[i].imag() / static_cast<double>(size);
      }
    }
  }
}

// ---- the mix

bool matches(const std::vector<std::string>& patterns, const std::string& name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return ::fnmatch(p.c_str(), name.c_str(), FNM_NOESCAPE) == 0; });
}

std::size_t timeline_frames(const mix::Document& document, const mix::Version& version) {
  if (!version.recut) return static_cast<std::size_t>(document.length);
  const mix::RecutEvent& last = version.recut->events.back();
  return static_cast<std::size_t>(version.recut->length.value_or(last.at + last.length));
}

class Renderer {
 public:
  Renderer(const mix::Document& document, const mix::Version& version)
      : document_(document), version_(version), frames_(timeline_frames(document, version)), rate_(document.sample_rate), time_(frames_, -1.0) {
    for (Frames n = 0; !version.recut && n < static_cast<Frames>(frames_); ++n) time_[static_cast<std::size_t>(n)] = static_cast<double>(n);
    if (version.recut)
      for (const mix::RecutEvent& e : version.recut->events)
        for (Frames i = 0; i < e.length && e.at + i < static_cast<Frames>(frames_); ++i)
          time_[static_cast<std::size_t>(e.at + i)] = static_cast<double>(e.old_at + i);
    for (const mix::Bus& bus : document.buses) buses_.push_back(silence(names(bus.layout).size(), frames_));
    for (const mix::Reverb& reverb : document.reverbs) sends_.push_back(silence(reverb.input == mix::ReverbInput::mono ? 1 : 2, frames_));
  }

  std::vector<Signal> run() {
    for (const mix::Track& track : document_.tracks) render(track);
    for (std::size_t r = 0; r < document_.reverbs.size(); ++r) render(document_.reverbs[r], sends_[r]);
    std::vector<bool> done(buses_.size(), false);
    for (std::size_t b = 0; b < buses_.size(); ++b) finish(b, done);
    return std::move(buses_);
  }

 private:
  const Signal& source(const std::string& pattern) {
    std::string name = pattern;
    std::map<std::string, std::string> variables = document_.variables;
    for (const auto& [key, value] : version_.set) variables[key] = value;
    for (const auto& [key, value] : variables)
      for (std::size_t at; (at = name.find('{' + key + '}')) != std::string::npos;) name.replace(at, key.size() + 2, value);
    const auto [entry, is_new] = sources_.emplace(name, Sound{});
    if (is_new) entry->second = read_sound(document_.folder + "/" + name);
    if (entry->second.sample_rate != document_.sample_rate) throw std::logic_error(name + " is at another rate");
    return entry->second.channels;
  }

  [[nodiscard]] double adjusted(const std::string& name, bool is_track) const {
    double sum = 0;
    for (const mix::Adjust& adjust : version_.adjust)
      if (matches(is_track ? adjust.tracks : adjust.buses, name)) sum += adjust.gain_db;
    return sum;
  }

  static double fade(mix::FadeCurve curve, double x) {
    if (curve == mix::FadeCurve::equal_power) return std::sin(x * kPi / 2);
    if (curve == mix::FadeCurve::cosine) return (1 - std::cos(kPi * x)) / 2;
    return x;
  }

  void place(const mix::Clip& clip, Signal& track) {
    const Signal& samples = source(clip.file);
    const Frames length = clip.length.value_or(static_cast<Frames>(samples.front().size()) - clip.in);
    for (std::size_t c = 0; c < track.size(); ++c) {
      const std::vector<double>& from = samples.at(clip.channels.empty() ? c : static_cast<std::size_t>(clip.channels[c] - 1));
      std::vector<double> whole;
      for (Frames i = 0; i < length; ++i) {
        double x = from.at(static_cast<std::size_t>(clip.in + i)) * decibels(clip.gain_db);
        const auto in = static_cast<double>(clip.fade_in.length), out = static_cast<double>(clip.fade_out.length);
        if (i < clip.fade_in.length) x *= fade(clip.fade_in.curve, static_cast<double>(i) / in);
        if (const Frames j = i - (length - clip.fade_out.length); j >= 0 && clip.fade_out.length > 0)
          x *= fade(clip.fade_out.curve, (out - static_cast<double>(j)) / out);
        whole.push_back(x);
      }
      const auto put = [&](Frames at, double x) {
        if (at >= 0 && at < static_cast<Frames>(frames_)) track[c][static_cast<std::size_t>(at)] += x;
      };
      if (!version_.recut)
        for (Frames i = 0; i < length; ++i) put(clip.at + i, whole[static_cast<std::size_t>(i)]);
      else
        for (std::size_t e = 0; e < version_.recut->events.size(); ++e) place_piece(clip.at, whole, e, put);
    }
  }

  /// What event `index` of the recut keeps of a clip, with its extensions.
  template <class Put>
  void place_piece(Frames clip_at, const std::vector<double>& clip, std::size_t index, const Put& put) const {
    const std::vector<mix::RecutEvent>& events = version_.recut->events;
    const mix::RecutEvent& e = events[index];
    const Frames clip_end = clip_at + static_cast<Frames>(clip.size()), old_end = e.old_at + e.length, new_end = e.at + e.length;
    const Frames first = std::max(clip_at, e.old_at), last = std::min(clip_end, old_end);
    if (first >= last) return;
    bool begins_here = e.at != 0, ends_here = new_end < static_cast<Frames>(frames_);
    for (const mix::RecutEvent& other : events) {
      if (other.at + other.length == e.at && other.old_at + other.length == e.old_at) begins_here = false;
      if (other.at == new_end && other.old_at == old_end) ends_here = false;
    }
    Frames before = 0, after = 0;
    if (begins_here && clip_at < e.old_at) before = std::min({version_.recut->fade / 2, e.old_at - clip_at, last - first});
    if (ends_here && clip_end > old_end) after = std::min({version_.recut->fade / 2, clip_end - old_end, last - first});
    for (Frames t = first - before; t < last + after; ++t) {
      double x = clip[static_cast<std::size_t>(t - clip_at)];
      if (t < first + before) x *= std::sin(kPi / 2 * static_cast<double>(t - first + before) / static_cast<double>(2 * before));
      if (t >= last - after) x *= std::sin(kPi / 2 * static_cast<double>(last + after - t) / static_cast<double>(2 * after));
      put(t - e.old_at + e.at, x);
    }
  }

  /// A mono track is panned into its place, any other goes through the matrices.
  [[nodiscard]] Signal placed(const mix::Track& track, const Signal& x, Layout to) const {
    return track.layout == Layout::mono ? panned(x.front(), to, track.azimuth_deg, time_) : convert(x, track.layout, to);
  }

  static void add_to(Signal& to, const Signal& from) {
    for (std::size_t c = 0; c < to.size(); ++c) add(to[c], from[c], 1.0);
  }

  void render(const mix::Track& track) {
    if (track.mute || matches(version_.mute_tracks, track.name)) return;
    Signal x = silence(names(track.layout).size(), frames_);
    for (const mix::Clip& clip : track.clips) place(clip, x);
    equalise(x, track.eq, rate_, time_);
    const Signal before_fader = x;
    apply_level(x, track.gain_db, time_, adjusted(track.name, true));
    const Layout bus = document_.buses[track.bus].layout;
    add_to(buses_[track.bus], placed(track, x, bus));
    if (track.lfe_db) {
      Signal low = convert(x, track.layout, Layout::mono);
      apply_level(low, *track.lfe_db, time_);
      add(buses_[track.bus][channel(bus, "LFE")], low.front(), 1.0);
    }
    for (const mix::Send& send : track.sends) {
      Signal sent = send.pre_fader ? before_fader : x;
      apply_level(sent, send.gain_db, time_);
      const bool is_mono = document_.reverbs[send.reverb].input == mix::ReverbInput::mono;
      add_to(sends_[send.reverb], is_mono ? convert(sent, track.layout, Layout::mono) : placed(track, sent, Layout::stereo));
    }
  }

  void render(const mix::Reverb& reverb, const Signal& send) {
    const Signal& ir = source(reverb.ir);
    Signal y = silence(names(reverb.layout).size(), frames_);
    if (ir.size() != send.size() * y.size()) throw std::logic_error(reverb.ir + " has another shape");
    for (std::size_t i = 0; i < send.size(); ++i)
      convolve(send[i], std::span(ir).subspan(i * y.size(), y.size()), static_cast<std::size_t>(reverb.predelay), y);
    equalise(y, reverb.eq, rate_, time_);
    apply_level(y, reverb.gain_db, time_);
    add_to(buses_[reverb.bus], convert(y, reverb.layout, document_.buses[reverb.bus].layout));
  }

  void finish(std::size_t index, std::vector<bool>& done) {
    if (done[index]) return;
    done[index] = true;
    const mix::Bus& bus = document_.buses[index];
    for (std::size_t child = 0; child < buses_.size(); ++child) {
      if (document_.buses[child].parent != index) continue;
      finish(child, done);
      add_to(buses_[index], convert(buses_[child], document_.buses[child].layout, bus.layout));
    }
    equalise(buses_[index], bus.eq, rate_, time_);
    apply_level(buses_[index], bus.gain_db, time_, adjusted(bus.name, false));
    if (matches(version_.mute_buses, bus.name)) buses_[index] = silence(names(bus.layout).size(), frames_);
  }

  const mix::Document& document_;
  const mix::Version& version_;
  const std::size_t frames_;
  const double rate_;
  OldTime time_;
  std::map<std::string, Sound> sources_;
  std::vector<Signal> buses_, sends_;
};

}  // namespace

std::vector<Signal> reference_buses(const mix::Document& document, const mix::Version& version) { return Renderer(document, version).run(); }

Signal reference_deliverable(const mix::Document& document, const std::vector<Signal>& buses, const mix::Deliverable& deliverable,
                             const std::size_t* only_stem) {
  if (only_stem != nullptr) return buses[*only_stem];
  Signal out = silence(names(deliverable.layout).size(), buses.front().front().size());
  for (std::size_t b = 0; b < buses.size(); ++b) {
    const mix::Bus& bus = document.buses[b];
    if (bus.parent || !matches(deliverable.include, bus.name)) continue;
    const auto level = deliverable.mix.find(bus.name);
    const double gain = level == deliverable.mix.end() ? 1.0 : decibels(level->second);
    if (!deliverable.matrix) {
      const Signal stem = convert(buses[b], bus.layout, deliverable.layout);
      for (std::size_t c = 0; c < out.size(); ++c) add(out[c], stem[c], gain);
      continue;
    }
    for (std::size_t r = 0; r < out.size(); ++r)
      for (std::size_t c = 0; c < buses[b].size(); ++c) add(out[r], buses[b][c], gain * deliverable.matrix->at(static_cast<int>(r), static_cast<int>(c)));
  }
  return out;
}

}  // namespace dubfarm::testing
