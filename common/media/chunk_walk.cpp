#include "common/media/chunk_walk.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string_view>

namespace dubfarm::media {
namespace {

constexpr std::uint32_t kUnwritten = 0xFFFFFFFF;  // RF64: "see ds64"; RIFF: a stream whose length was never filled in
constexpr int kMaxChunks = 65536;
constexpr std::int64_t kMaxBytes = std::int64_t{1} << 62;

enum FormatTag : unsigned { kTagPcm = 1, kTagFloat = 3, kTagExtensible = 0xFFFE };

enum class Container : std::uint8_t { riff, rf64, bw64 };

/// The last 12 bytes of Wave64's chunk names; the first four read as in RIFF.
constexpr std::array<unsigned char, 12> kW64Riff = {0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB, 0x04, 0xC1, 0x00, 0x00};
constexpr std::array<unsigned char, 12> kW64Wave = {0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0x00, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A};

/// Bytes of a header, with bounds known to the caller.
struct Bytes {
  std::array<unsigned char, 64> data{};
  bool big_endian = false;
  [[nodiscard]] std::uint64_t unsigned_at(std::size_t at, std::size_t size) const {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | data[at + (big_endian ? i : size - 1 - i)];
    return value;
  }
  [[nodiscard]] unsigned u16(std::size_t at) const { return static_cast<unsigned>(unsigned_at(at, 2)); }
  [[nodiscard]] std::uint32_t u32(std::size_t at) const { return static_cast<std::uint32_t>(unsigned_at(at, 4)); }
  [[nodiscard]] std::uint64_t u64(std::size_t at) const { return unsigned_at(at, 8); }
  [[nodiscard]] std::string_view id(std::size_t at) const { return {reinterpret_cast<const char*>(data.data()) + at, 4}; }
};

/// IEEE 754 80-bit extended, big-endian, as AIFF stores its rate. Negative, infinite and NaN become 0.
double extended_at(const Bytes& bytes, std::size_t at) {
  const unsigned head = bytes.u16(at);
  if (head >= 0x7FFF) return 0;
  return std::ldexp(static_cast<double>(bytes.u64(at + 2)), static_cast<int>(head) - 16383 - 63);
}

bool is_printable(std::string_view id) {
  return std::all_of(id.begin(), id.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

struct Chunk {
  std::array<char, 4> name{};
  std::int64_t body = 0;      // offset of its first byte
  std::int64_t size = 0;      // as claimed; may reach past the file's end
  bool is_unwritten = false;  // the 32-bit size is 0xFFFFFFFF
  [[nodiscard]] std::string_view id() const { return {name.data(), name.size()}; }
};

class Walker {
 public:
  Walker(const Descriptor& file, std::int64_t file_bytes, const std::string& path) : file_(file), file_bytes_(file_bytes), path_(path) {}

  Result<std::optional<WalkedFile>> walk() {
    TRY_ASSIGN(const Bytes head, bytes_at(0, 40));
    const std::string_view id = head.id(0);
    const bool is_wave = head.id(8) == "WAVE";
    if (file_bytes_ < 12) return std::optional<WalkedFile>();
    if ((id == "RIFF" || id == "RIFX") && is_wave) return walk_riff(Container::riff, id == "RIFX");
    if (id == "RF64" && is_wave) return walk_riff(Container::rf64, false);
    if (id == "BW64" && is_wave) return walk_riff(Container::bw64, false);
    if (id == "riff" && tail_is(head, 4, kW64Riff) && head.id(24) == "wave" && tail_is(head, 28, kW64Wave)) return walk_w64();
    if (id == "FORM" && (head.id(8) == "AIFF" || head.id(8) == "AIFC")) return walk_aiff(head.id(8) == "AIFC");
    return std::optional<WalkedFile>();
  }

 private:
  template <class... Args>
  Error bad(fmt::format_string<Args...> format, Args&&... args) const {
    return fail(Errc::invalid_input, "{}: {}", path_, fmt::format(format, std::forward<Args>(args)...));
  }
  static bool tail_is(const Bytes& bytes, std::size_t at, const std::array<unsigned char, 12>& tail) {
    return std::memcmp(bytes.data.data() + at, tail.data(), tail.size()) == 0;
  }
  /// Up to 64 bytes; zero past the end of the file.
  Result<Bytes> bytes_at(std::int64_t offset, std::size_t size, bool big_endian = false) const {
    Bytes bytes;
    bytes.big_endian = big_endian;
    TRY(read_at(file_, offset, std::as_writable_bytes(std::span(bytes.data)).first(std::min(size, bytes.data.size())), path_));
    return bytes;
  }

  Result<std::optional<WalkedFile>> walk_riff(Container container, bool big_endian) {
    big_endian_ = big_endian;
    bool has_format = false;
    std::optional<std::uint64_t> ds64_data_bytes;
    std::int64_t at = 12;
    for (int n = 0; n < kMaxChunks && at + 8 <= file_bytes_; ++n) {
      TRY_ASSIGN(const Chunk chunk, riff_chunk(at));
      if (chunk.id() == "ds64" && container != Container::riff) {
        if (chunk.size < 28) return bad("its ds64 chunk has {} bytes, 28 are needed; the header is damaged", chunk.size);
        TRY_ASSIGN(const Bytes ds64, bytes_at(chunk.body, 28));
        ds64_data_bytes = ds64.u64(8);
      } else if (chunk.id() == "fmt ") {
        TRY(read_format(chunk.body, chunk.size));
        has_format = true;
      } else if (chunk.id() == "data") {
        if (!has_format)
          return bad("its data chunk comes before any fmt chunk, so the samples cannot be understood; the header is damaged");
        if (container != Container::riff && !ds64_data_bytes) {
          return bad("it is an {} file without the ds64 chunk that holds its true length; save it again from the program that wrote it",
                     container == Container::rf64 ? "RF64" : "BW64");
        }
        std::uint64_t size = static_cast<std::uint64_t>(chunk.size);
        if (chunk.is_unwritten && ds64_data_bytes) size = *ds64_data_bytes;
        else if (chunk.is_unwritten) {
          return bad(
              "the length of its data was never written (0xFFFFFFFF: a stream, or a recorder that was stopped); open and save it in an "
              "audio editor");
        }
        TRY(set_data(chunk.body, size));
        TRY(check_tail(chunk.body + walked_.data_bytes));
        return std::optional<WalkedFile>(walked_);
      } else if (!is_printable(chunk.id())) {
        return bad("at byte {} a chunk was expected, but its name is not text; the header is damaged", at);
      }
      TRY_ASSIGN(at, next_riff_chunk(chunk));
    }
    return bad("it has no data chunk, so no samples; the file is truncated: copy it again");
  }

  Result<Chunk> riff_chunk(std::int64_t at) const {
    TRY_ASSIGN(const Bytes head, bytes_at(at, 8, big_endian_));
    Chunk chunk{{}, at + 8, static_cast<std::int64_t>(head.u32(4)), head.u32(4) == kUnwritten};
    std::copy_n(head.data.begin(), 4, chunk.name.begin());
    return chunk;
  }
  /// After an odd chunk comes a pad byte, which some writers forget.
  Result<std::int64_t> next_riff_chunk(const Chunk& chunk) const {
    const std::int64_t end = chunk.body + chunk.size;
    if (chunk.size % 2 == 0) return end;
    TRY_ASSIGN(const Bytes bytes, bytes_at(end, 5));
    return !is_printable(bytes.id(1)) && is_printable(bytes.id(0)) ? end : end + 1;
  }

  Result<void> read_format(std::int64_t at, std::int64_t size) {
    if (size < 16 || size == 17) return bad("its fmt chunk has {} bytes; 16, or 18 and more, were expected: the header is damaged", size);
    if (at + size > file_bytes_) return bad("it ends inside its fmt chunk; the file is truncated: copy it again");
    TRY_ASSIGN(const Bytes f, bytes_at(at, static_cast<std::size_t>(std::min<std::int64_t>(size, 40)), big_endian_));
    unsigned tag = f.u16(0);
    const unsigned channels = f.u16(2), block = f.u16(12), bits = f.u16(14);
    const std::uint32_t rate = f.u32(4);
    if (tag == kTagExtensible) {
      if (size < 40) return bad("its fmt chunk is WAVE_FORMAT_EXTENSIBLE but has {} bytes, not 40; the header is damaged", size);
      tag = f.u16(24);
    }
    TRY(set_shape(channels, rate));
    walked_.format.reset();
    if (tag != kTagPcm && tag != kTagFloat) return {};
    const unsigned bytes = (bits + 7) / 8;
    const bool known = tag == kTagFloat ? bits == 32 || bits == 64 : bits >= 1 && bits <= 32;
    if (!known)
      return bad("its header says {} bits per {} sample, which dubfarm cannot read", bits, tag == kTagFloat ? "float" : "integer");
    if (block != channels * bytes) {
      return bad("its header says blocks of {} bytes, but {} channels of {} bits take {}; the header is damaged", block, channels, bits,
                 channels * bytes);
    }
    walked_.format = tag == kTagFloat ? float_format(bits, big_endian_) : integer_format(bytes, big_endian_, true);
    return {};
  }

  static SampleFormat integer_format(unsigned bytes, bool big_endian, bool eight_is_unsigned) {
    switch (bytes) {
      case 1: return eight_is_unsigned ? SampleFormat::u8 : SampleFormat::s8;
      case 2: return big_endian ? SampleFormat::s16be : SampleFormat::s16le;
      case 3: return big_endian ? SampleFormat::s24be : SampleFormat::s24le;
      default: return big_endian ? SampleFormat::s32be : SampleFormat::s32le;
    }
  }
  static SampleFormat float_format(unsigned bits, bool big_endian) {
    if (bits == 32) return big_endian ? SampleFormat::f32be : SampleFormat::f32le;
    return big_endian ? SampleFormat::f64be : SampleFormat::f64le;
  }

  Result<void> set_shape(unsigned channels, std::uint32_t rate) {
    if (channels == 0) return bad("its header says 0 channels; the header is damaged");
    if (channels > 1024) return bad("its header says {} channels; dubfarm reads up to 1024", channels);
    if (rate == 0 || rate > 0x7FFFFFFF) return bad("its header says a sample rate of {} Hz; the header is damaged", rate);
    walked_.channels = static_cast<int>(channels);
    walked_.sample_rate = static_cast<int>(rate);
    return {};
  }

  /// Bytes per frame of raw samples, else 0.
  [[nodiscard]] std::int64_t block() const { return walked_.format ? walked_.channels * bytes_per_sample(*walked_.format) : 0; }

  Result<void> set_data(std::int64_t offset, std::uint64_t size) {
    const std::int64_t there = std::max<std::int64_t>(file_bytes_ - offset, 0);
    if (size == 0 && there >= 8) {
      TRY_ASSIGN(const Bytes next, bytes_at(offset, 4));
      if (!is_printable(next.id(0))) {
        return bad("its header says that it holds no samples, yet {} bytes follow; the recorder was stopped before it wrote the length: "
                   "open and save it in an audio editor", there);
      }
    }
    if (size == 0) return bad("it has no samples");
    if (size > static_cast<std::uint64_t>(there)) {
      if (block() == 0)
        return bad("the header promises {} bytes of data but the file ends after {}; the file is truncated: copy it again", size, there);
      return bad("the header promises {} frames ({} bytes of data) but the file ends after {}; the file is truncated: copy it again",
                 size / static_cast<std::uint64_t>(block()), size, there / block());
    }
    walked_.data_offset = offset;
    walked_.data_bytes = static_cast<std::int64_t>(size);
    if (block() > 0) {
      walked_.frames = walked_.data_bytes / block();
      if (walked_.frames == 0) return bad("it has no samples: its data is {} bytes, one frame takes {}", size, block());
    }
    return {};
  }

  /// What follows the samples must be chunks (metadata cut short is no harm) or zeros; else the header's length is an old one.
  Result<void> check_tail(std::int64_t at) const {
    for (int n = 0; n < kMaxChunks; ++n) {
      TRY_ASSIGN(Chunk chunk, riff_chunk(at + at % 2));
      if (at % 2 != 0 && !is_printable(chunk.id())) {  // the pad byte may be missing
        TRY_ASSIGN(chunk, riff_chunk(at));
      }
      if (chunk.body > file_bytes_) return {};
      if (!is_printable(chunk.id())) {
        if (is_zero_from(at)) return {};
        return bad(
            "after its samples come {} bytes that belong to no chunk; the header's length may be stale (a recorder that was stopped): "
            "open and save it in an audio editor",
            file_bytes_ - at);
      }
      at = chunk.body + chunk.size;
    }
    return {};
  }
  [[nodiscard]] bool is_zero_from(std::int64_t at) const {
    std::array<std::byte, 65536> piece;
    for (std::int64_t looked = 0; looked < 1 << 20; looked += static_cast<std::int64_t>(piece.size())) {
      const auto got = read_at(file_, at + looked, piece, path_);
      if (!got || *got == 0) return true;
      if (std::any_of(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got), [](std::byte b) { return b != std::byte{0}; }))
        return false;
    }
    return true;
  }

  Result<std::optional<WalkedFile>> walk_w64() {
    bool has_format = false;
    std::int64_t at = 40;
    for (int n = 0; n < kMaxChunks && at + 24 <= file_bytes_; ++n) {
      TRY_ASSIGN(const Bytes head, bytes_at(at, 24));
      const std::uint64_t size = head.u64(16);
      if (size < 24 || size > static_cast<std::uint64_t>(kMaxBytes)) {
        return bad("at byte {} a Wave64 chunk claims {} bytes; the header is damaged", at, size);
      }
      if (head.id(0) == "fmt " && tail_is(head, 4, kW64Wave)) {
        TRY(read_format(at + 24, static_cast<std::int64_t>(size) - 24));
        has_format = true;
      } else if (head.id(0) == "data" && tail_is(head, 4, kW64Wave)) {
        if (!has_format)
          return bad("its data chunk comes before any fmt chunk, so the samples cannot be understood; the header is damaged");
        TRY(set_data(at + 24, size - 24));
        return std::optional<WalkedFile>(walked_);
      }
      if (static_cast<std::int64_t>(size) > file_bytes_ - at) break;
      at += (static_cast<std::int64_t>(size) + 7) / 8 * 8;
    }
    return bad("it has no data chunk, so no samples; the file is truncated: copy it again");
  }

  Result<std::optional<WalkedFile>> walk_aiff(bool is_aifc) {
    big_endian_ = true;
    std::optional<std::uint32_t> frames;
    std::optional<Chunk> sound;
    std::int64_t at = 12;
    for (int n = 0; n < kMaxChunks && at + 8 <= file_bytes_ && !(frames && sound); ++n) {
      TRY_ASSIGN(const Chunk chunk, riff_chunk(at));
      if (chunk.id() == "COMM") {
        if (chunk.size < (is_aifc ? 22 : 18))
          return bad("its COMM chunk has {} bytes, {} are needed; the header is damaged", chunk.size, is_aifc ? 22 : 18);
        TRY_ASSIGN(const Bytes comm, bytes_at(chunk.body, 22, true));
        frames = comm.u32(2);
        TRY(read_common(comm, is_aifc));
      } else if (chunk.id() == "SSND") {
        if (chunk.size < 8) return bad("its SSND chunk has {} bytes, 8 are needed; the header is damaged", chunk.size);
        sound = chunk;
      } else if (!is_printable(chunk.id())) {
        return bad("at byte {} a chunk was expected, but its name is not text; the header is damaged", at);
      }
      TRY_ASSIGN(at, next_riff_chunk(chunk));
    }
    if (!frames) return bad("it has no COMM chunk, so the samples cannot be understood; the file is truncated: copy it again");
    if (*frames == 0) return bad("it has no samples");
    if (!sound) return bad("it has no SSND chunk, so no samples; the file is truncated: copy it again");
    TRY_ASSIGN(const Bytes head, bytes_at(sound->body, 8, true));
    const std::int64_t offset = sound->body + 8 + head.u32(0);
    const std::uint64_t size = block() > 0 ? static_cast<std::uint64_t>(block()) * *frames : static_cast<std::uint64_t>(sound->size - 8);
    TRY(set_data(offset, size));
    if (offset + walked_.data_bytes > sound->body + sound->size) {
      return bad("its COMM chunk promises {} frames ({} bytes) but its SSND chunk holds {} bytes; the header is damaged", *frames, size,
                 sound->size - 8);
    }
    return std::optional<WalkedFile>(walked_);
  }

  Result<void> read_common(const Bytes& comm, bool is_aifc) {
    const unsigned bits = comm.u16(6);
    const double rate = extended_at(comm, 8);
    TRY(set_shape(comm.u16(0), rate >= 1 && rate < 0x7FFFFFFF ? static_cast<std::uint32_t>(rate + 0.5) : 0));
    const std::string_view coding = is_aifc ? comm.id(18) : "NONE";
    const bool is_integer = bits >= 1 && bits <= 32;
    walked_.format.reset();
    if (coding == "fl32" || coding == "FL32") walked_.format = SampleFormat::f32be;
    else if (coding == "fl64" || coding == "FL64") walked_.format = SampleFormat::f64be;
    else if (coding == "NONE" || coding == "twos" || coding == "in24" || coding == "in32" || coding == "sowt") {
      if (!is_integer) return bad("its header says {} bits per integer sample, which dubfarm cannot read", bits);
      walked_.format = integer_format((bits + 7) / 8, coding != "sowt", false);
    }
    return {};
  }

  const Descriptor& file_;
  std::int64_t file_bytes_;
  const std::string& path_;
  bool big_endian_ = false;
  WalkedFile walked_;
};

}  // namespace

Result<std::optional<WalkedFile>> walk_chunks(const Descriptor& file, std::int64_t file_bytes, const std::string& path) {
  return Walker(file, file_bytes, path).walk();
}

}  // namespace dubfarm::media
