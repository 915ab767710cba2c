#include <string_view>

#include "common/media/wav_header.hpp"

namespace dubfarm::media {
namespace {

constexpr std::uint64_t kLargest = 0xFFFFFFFF;
constexpr std::uint32_t kAifcVersion1 = 0xA2805140;

class Writer {
 public:
  void text(std::string_view t) {
    for (const char c : t) bytes_.push_back(static_cast<std::byte>(c));
  }
  void number(std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
  /// A whole number as an 80-bit IEEE extended: sign and exponent, then the mantissa with its leading one.
  void extended(std::uint32_t value) {
    int exponent = 31;
    while (exponent > 0 && (value >> exponent) == 0) --exponent;
    number(static_cast<std::uint64_t>(16383 + exponent), 2);
    number(static_cast<std::uint64_t>(value) << (63 - exponent), 8);
  }
  void text_chunk(std::string_view id, std::string_view t) {
    if (t.empty()) return;
    text(id);
    number(t.size(), 4);
    text(t);
    if (t.size() % 2 != 0) number(0, 1);
  }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace

Result<std::vector<std::byte>> aiff_header(const OutputFormat& format) {
  if (format.channels < 1 || format.channels > 1024 || format.sample_rate < 1 || format.frames < 0)
    return fail(Errc::invalid_input, "an AIFF file of {} channels, {} frames at {} Hz was asked for; 1 to 1024 channels can be written", format.channels,
                format.frames, format.sample_rate);
  const bool is_float = format.type == SampleType::float32;
  const auto bytes = static_cast<std::uint64_t>(bytes_per_sample(format.type));
  const std::uint64_t data = static_cast<std::uint64_t>(format.frames) * static_cast<unsigned>(format.channels) * bytes;
  Writer chunks;
  if (is_float) {
    chunks.text("FVER");
    chunks.number(4, 4);
    chunks.number(kAifcVersion1, 4);
  }
  chunks.text("COMM");
  chunks.number(is_float ? 24 : 18, 4);
  chunks.number(static_cast<unsigned>(format.channels), 2);
  chunks.number(static_cast<std::uint64_t>(format.frames), 4);
  chunks.number(8 * bytes, 2);
  chunks.extended(static_cast<std::uint32_t>(format.sample_rate));
  if (is_float) {
    chunks.text("fl32");
    chunks.number(0, 2);  // the compression's name: empty, padded
  }
  chunks.text_chunk("NAME", format.bext.description);
  if (!format.bext.originator.empty())
    chunks.text_chunk("ANNO", fmt::format("{}; first sample {} after midnight", format.bext.originator, format.bext.time_reference));
  const std::uint64_t form = 4 + chunks.bytes().size() + 16 + data + data % 2;
  if (form > kLargest)
    return fail(Errc::invalid_input, "an AIFF file of {} bytes was asked for; it can hold {}: write \"format\": \"wav\", or \"split\": \"mono\"", form, kLargest);
  Writer out;
  out.text("FORM");
  out.number(form, 4);
  out.text(is_float ? "AIFC" : "AIFF");
  out.bytes().insert(out.bytes().end(), chunks.bytes().begin(), chunks.bytes().end());
  out.text("SSND");
  out.number(8 + data, 4);
  out.number(0, 8);  // offset and block size
  return std::move(out.bytes());
}

}  // namespace dubfarm::media
