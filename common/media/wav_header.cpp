#include "common/media/wav_header.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace dubfarm::media {
namespace {

constexpr std::uint32_t kSeeDs64 = 0xFFFFFFFF;
constexpr std::int16_t kNotMeasured = 0x7FFF;
constexpr std::size_t kBextBytes = 602;
/// The GUID of a WAVEFORMATEXTENSIBLE sub-format after its two-byte tag.
constexpr unsigned char kSubFormatTail[14] = {0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xAA, 0x00, 0x38, 0x9B, 0x71};

class Writer {
 public:
  void id(std::string_view text) { field(text, 4); }
  void number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
  void zeros(std::size_t count) { bytes_.resize(bytes_.size() + count); }
  /// `text`, cut or filled with zeros to `bytes`; a UTF-8 character is not cut in two.
  void field(std::string_view text, std::size_t bytes) {
    std::size_t length = std::min(text.size(), bytes);
    while (length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
    for (const char c : text.substr(0, length)) bytes_.push_back(static_cast<std::byte>(c));
    zeros(bytes - length);
  }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

std::uint64_t data_bytes(const OutputFormat& format) {
  return static_cast<std::uint64_t>(format.frames) * static_cast<unsigned>(format.channels * bytes_per_sample(format.type));
}

bool is_extensible(const OutputFormat& format) { return format.channels > 2; }
bool is_float(const OutputFormat& format) { return format.type == SampleType::float32; }

/// Chunks start on even bytes.
std::uint64_t padded(std::uint64_t bytes) { return bytes + bytes % 2; }

std::uint64_t header_bytes(const OutputFormat& format) {
  const std::uint64_t ixml = format.ixml.empty() ? 0 : 8 + padded(format.ixml.size());
  const std::uint64_t fmt = is_extensible(format) ? 40 : is_float(format) ? 18 : 16;
  return 12 + (8 + 28) + (8 + fmt) + (is_float(format) ? 12 : 0) + (8 + kBextBytes) + ixml + 8;
}

/// Hundredths, as EBU Tech 3285 v2 has them; what cannot be said in its range of +-99.99 (silence, say) is "not measured".
std::uint64_t hundredths(const std::optional<double>& value) {
  const bool sayable = value && std::abs(*value) <= 99.99;  // false for NaN
  return static_cast<std::uint16_t>(sayable ? static_cast<std::int16_t>(std::lround(*value * 100)) : kNotMeasured);
}

void write_format(Writer& out, const OutputFormat& format) {
  const auto channels = static_cast<unsigned>(format.channels), bytes = static_cast<unsigned>(bytes_per_sample(format.type));
  const unsigned tag = is_float(format) ? 3 : 1;
  out.id("fmt ");
  out.number(is_extensible(format) ? 40 : is_float(format) ? 18 : 16, 4);
  out.number(is_extensible(format) ? 0xFFFE : tag, 2);
  out.number(channels, 2);
  out.number(static_cast<unsigned>(format.sample_rate), 4);
  out.number(static_cast<std::uint64_t>(format.sample_rate) * channels * bytes, 4);
  out.number(channels * bytes, 2);
  out.number(8 * bytes, 2);
  if (is_extensible(format)) {
    out.number(22, 2);
    out.number(8 * bytes, 2);
    out.number(format.channel_mask.value_or(channel_mask(format.channels)), 4);
    out.number(tag, 2);
    for (const unsigned char byte : kSubFormatTail) out.number(byte, 1);
  } else if (is_float(format)) {
    out.number(0, 2);
  }
}

void write_bext(Writer& out, const Bext& bext) {
  out.id("bext");
  out.number(kBextBytes, 4);
  out.field(bext.description, 256);
  out.field(bext.originator, 32);
  out.field(bext.originator_reference, 32);
  out.field(bext.origination_date, 10);
  out.field(bext.origination_time, 8);
  out.number(bext.time_reference, 8);
  out.number(2, 2);  // version
  out.zeros(64);     // UMID
  out.number(hundredths(bext.loudness_value_lufs), 2);
  out.number(hundredths(bext.loudness_range_lu), 2);
  out.number(hundredths(bext.max_true_peak_dbtp), 2);
  out.number(hundredths(bext.max_momentary_lufs), 2);
  out.number(hundredths(bext.max_short_term_lufs), 2);
  out.zeros(180);
}

}  // namespace

std::uint32_t channel_mask(int channels) { return channels == 6 ? 0x3F : 0; }

std::uint64_t output_file_bytes(const OutputFormat& format) {
  if (format.container != FileFormat::aiff) return header_bytes(format) + padded(data_bytes(format));
  const auto header = aiff_header(format);
  return (header.ok() ? header->size() : 0) + padded(data_bytes(format));
}

Result<std::vector<std::byte>> file_header(const OutputFormat& format) {
  return format.container == FileFormat::aiff ? aiff_header(format) : wav_header(format);
}

Result<std::vector<std::byte>> wav_header(const OutputFormat& format) {
  if (format.channels < 1 || format.channels > 1024) {
    return fail(Errc::invalid_input, "a WAV file of {} channels was asked for; 1 to 1024 can be written", format.channels);
  }
  const std::uint64_t byte_rate =
      static_cast<std::uint64_t>(std::max(format.sample_rate, 0)) * static_cast<unsigned>(format.channels * bytes_per_sample(format.type));
  if (format.sample_rate < 1 || byte_rate > 0xFFFFFFFF) {
    return fail(Errc::invalid_input, "a WAV file at {} Hz with {} channels was asked for; its byte rate must fit 32 bits",
                format.sample_rate, format.channels);
  }
  if (format.frames < 0 || format.frames > std::numeric_limits<Frames>::max() / 8192) {
    return fail(Errc::invalid_input, "a WAV file of {} frames was asked for", format.frames);
  }
  const std::uint64_t riff_bytes = output_file_bytes(format) - 8;
  const bool is_bw64 = format.container == FileFormat::bw64;
  const bool is_rf64 = is_bw64 || format.container == FileFormat::rf64 || riff_bytes >= format.riff_limit_bytes;
  Writer out;
  out.id(is_bw64 ? "BW64" : is_rf64 ? "RF64" : "RIFF");
  out.number(is_rf64 ? kSeeDs64 : riff_bytes, 4);
  out.id("WAVE");
  out.id(is_rf64 ? "ds64" : "JUNK");
  out.number(28, 4);
  out.number(is_rf64 ? riff_bytes : 0, 8);
  out.number(is_rf64 ? data_bytes(format) : 0, 8);
  out.number(is_rf64 ? static_cast<std::uint64_t>(format.frames) : 0, 8);
  out.number(0, 4);  // no table of other long chunks
  write_format(out, format);
  if (is_float(format)) {
    out.id("fact");
    out.number(4, 4);
    out.number(is_rf64 ? kSeeDs64 : static_cast<std::uint64_t>(format.frames), 4);
  }
  write_bext(out, format.bext);
  if (!format.ixml.empty()) {
    out.id("iXML");
    out.number(format.ixml.size(), 4);
    out.field(format.ixml, padded(format.ixml.size()));
  }
  out.id("data");
  out.number(is_rf64 ? kSeeDs64 : data_bytes(format), 4);
  return std::move(out.bytes());
}

}  // namespace dubfarm::media
