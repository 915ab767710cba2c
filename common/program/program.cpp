#include "common/program/program.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/hex.hpp"

namespace dubfarm::program {
namespace {

constexpr std::uint32_t kFormat = 2;  // raised whenever the bytes below change their meaning

class Writer {
 public:
  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void number(T value) {
    static_assert(std::endian::native == std::endian::little);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void number(double value) {
    number(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value));  // -0 and 0 are one value
  }
  template <class T, class F>
  void list(const std::vector<T>& items, F each) {
    number(static_cast<std::uint32_t>(items.size()));
    for (const T& item : items) each(item);
  }
  void bytes(const void* data, std::size_t size) { out_.append(static_cast<const char*>(data), size); }
  void automation(const mix::Automation& a) {
    const auto piece = [&](double constant, const std::vector<mix::AutomationPoint>& points) {
      list(points, [&](const mix::AutomationPoint& p) { number(p.at); number(p.value); });
      if (points.empty()) number(constant);
    };
    piece(a.constant, a.points);
    list(a.later, [&](const mix::AutomationPiece& p) { number(p.from); piece(p.constant, p.points); });
  }
  void bands(const std::vector<Band>& eq) {
    list(eq, [&](const Band& b) { number(b.type); automation(b.freq_hz); automation(b.q); automation(b.gain_db); });
  }
  void fade(const Fade& f) {
    number(f.length);
    if (f.length > 0) { number(f.phase); number(f.curve); }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

Key sha256(std::string_view a, std::string_view b) {
  Key key;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  EVP_DigestUpdate(context, a.data(), a.size());
  EVP_DigestUpdate(context, b.data(), b.size());
  EVP_DigestFinal_ex(context, key.bytes.data(), nullptr);
  EVP_MD_CTX_free(context);
  return key;
}

}  // namespace

Frames Program::first_frame() const {
  Frames first = 0;
  for (const Track& track : tracks)
    for (const Clip& clip : track.clips) first = std::min(first, clip.at);
  return first;
}

std::string Key::hex() const { return to_hex(bytes); }

std::string canonical_bytes(const Program& p) {
  Writer w;
  w.bytes("dubfarm chunk", 13);
  w.number(kFormat);
  w.number(p.sample_rate);
  w.number(p.length);
  w.list(p.sources, [&](const Source& s) { w.bytes(s.digest.bytes.data(), s.digest.bytes.size()); w.number(s.rate); });
  w.list(p.tracks, [&](const Track& t) {
    w.number(t.layout);
    w.number(t.bus);
    w.number(t.end);
    w.list(t.clips, [&](const Clip& c) {
      w.number(c.source);
      w.list(c.channels, [&](std::uint16_t channel) { w.number(channel); });
      w.number(c.at);
      w.number(c.in);
      w.number(c.length);
      w.number(c.gain_linear);
      w.fade(c.fade_in);
      w.fade(c.fade_out);
      w.fade(c.join_in);
      w.fade(c.join_out);
    });
    w.bands(t.eq);
    w.automation(t.gain_db);
    w.automation(t.azimuth_deg);
    w.number(t.lfe_db.has_value());
    if (t.lfe_db) w.automation(*t.lfe_db);
    w.list(t.sends, [&](const Send& s) { w.number(s.reverb); w.automation(s.gain_db); w.number(s.pre_fader); });
  });
  w.list(p.reverbs, [&](const Reverb& r) {
    w.number(r.ir);
    w.number(r.bus);
    w.number(r.layout);
    w.number(r.input);
    w.number(r.predelay);
    w.number(r.ir_frames);
    w.number(r.input_from);
    w.number(r.output_from);
    w.bands(r.eq);
    w.automation(r.gain_db);
  });
  w.list(p.buses, [&](const Bus& b) {
    w.number(b.layout);
    w.number(b.parent);
    w.number(b.from);
    w.bands(b.eq);
    w.automation(b.gain_db);
  });
  return w.take();
}

Key key_of(const Program& program, std::string_view numeric_profile) { return sha256(canonical_bytes(program), numeric_profile); }
Key key_of_bytes(std::string_view bytes) { return sha256(bytes, {}); }

}  // namespace dubfarm::program
