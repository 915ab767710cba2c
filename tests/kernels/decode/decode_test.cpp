// decode: raw PCM of every kind to float32, held against plain double arithmetic on values that a person can check.
#include "kernels/decode/decode.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "tests/support/contract.hpp"

namespace dubfarm::kernels {
namespace {

using media::SampleFormat;
using testing::Guarded;

/// Bytes that end where readable memory ends: one byte read too far is a fault.
class EndOfPage {
 public:
  explicit EndOfPage(std::size_t size) : size_(size) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (size / page + 2) * page;
    base_ = static_cast<std::byte*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED || mprotect(base_ + mapped_ - page, page, PROT_NONE) != 0) std::abort();
    data_ = base_ + mapped_ - page - size;
  }
  ~EndOfPage() { munmap(base_, mapped_); }
  EndOfPage(const EndOfPage&) = delete;
  EndOfPage& operator=(const EndOfPage&) = delete;
  [[nodiscard]] std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  std::size_t size_, mapped_ = 0;
  std::byte* base_ = nullptr;
  std::byte* data_ = nullptr;
};

/// The contract read literally: a sample's number in double, then one rounding.
double value_of(const std::byte* at, SampleFormat format) {
  const int size = media::bytes_per_sample(format);
  std::uint64_t raw = 0;
  for (int i = 0; i < size; ++i) raw = raw * 256 + static_cast<std::uint64_t>(at[media::is_big_endian(format) ? i : size - 1 - i]);
  if (media::is_float(format))
    return size == 4 ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(raw))) : std::bit_cast<double>(raw);
  if (format == SampleFormat::u8) return (static_cast<double>(raw) - 128) / 128;
  const double full_scale = std::ldexp(1.0, 8 * size - 1);
  const auto number = static_cast<double>(raw);
  return (number >= full_scale ? number - 2 * full_scale : number) / full_scale;
}

void fill(std::span<std::byte> bytes, SampleFormat format, std::uint64_t salt) {
  std::mt19937_64 random(testing::test_seed() + salt);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  if (!media::is_float(format)) return;
  const int size = media::bytes_per_sample(format);
  const std::uint64_t full = size == 4 ? 0x7F800000U : 0x7FF0000000000000U;
  for (std::size_t at = 0; at < bytes.size(); at += static_cast<std::size_t>(size)) {  // finite, and inside float32's range
    const double x = static_cast<double>(random() % 4000001) / 1000000 - 2;
    std::uint64_t raw = size == 4 ? std::bit_cast<std::uint32_t>(static_cast<float>(x)) : std::bit_cast<std::uint64_t>(x);
    if (random() % 16 == 0) raw &= ~full;  // a denormal
    for (int i = 0; i < size; ++i)
      bytes[at + static_cast<std::size_t>(media::is_big_endian(format) ? size - 1 - i : i)] = static_cast<std::byte>(raw >> (8 * i));
  }
}

void put_float(std::byte* at, SampleFormat format, float value) {
  const int size = media::bytes_per_sample(format);
  const std::uint64_t raw = size == 4 ? std::bit_cast<std::uint32_t>(value) : std::bit_cast<std::uint64_t>(static_cast<double>(value));
  for (int i = 0; i < size; ++i) at[media::is_big_endian(format) ? size - 1 - i : i] = static_cast<std::byte>(raw >> (8 * i));
}

void compare(SampleFormat format, int channels, int channel, Frames count, Isa isa, std::uint64_t salt) {
  const int size = media::bytes_per_sample(format);
  EndOfPage page(static_cast<std::size_t>(count * channels * size));
  fill(page.bytes(), format, salt);
  Guarded<float> got(static_cast<std::size_t>(count));
  const Frames bad = decode(page.bytes().data(), format, channels, channel, count, got.data(), isa);
  ASSERT_EQ(bad, -1) << name_of(format) << " on " << name_of(isa);
  ASSERT_TRUE(got.guards_intact());
  for (Frames n = 0; n < count; ++n) {
    const auto want = static_cast<float>(value_of(page.bytes().data() + (n * channels + channel) * size, format));
    ASSERT_EQ(std::bit_cast<std::uint32_t>(got.data()[n]), std::bit_cast<std::uint32_t>(want))
        << name_of(format) << " on " << name_of(isa) << ", " << channels << " channels, channel " << channel << ", frame " << n << " of "
        << count;
  }
}

TEST(Decode, EveryFormatOnEveryInstructionSetRoundsAsDoubleArithmeticDoes) {
  for (const Isa isa : available_isas()) {
    for (const SampleFormat format : media::kSampleFormats)
      for (const int channels : {1, 2, 3, 5, 6, 12})
        for (Frames count = 0; count <= 70; ++count)
          compare(format, channels, static_cast<int>(count) % channels, count, isa, static_cast<std::uint64_t>(count));
    for (const SampleFormat format : media::kSampleFormats)
      for (const int channels : {1, 2, 8, 61, 1024}) compare(format, channels, channels - 1, channels == 1024 ? 99 : 1025, isa, 9000);
    testing::ran("decode", std::string(name_of(isa)));
  }
}

TEST(Decode, ReachesFullScaleAndSilenceExactly) {
  const auto one = [](SampleFormat format, std::initializer_list<int> bytes) {
    std::vector<std::byte> raw;
    for (int n = 0; n < 40; ++n)
      for (const int b : bytes) raw.push_back(static_cast<std::byte>(b));
    std::vector<float> out(40);
    EXPECT_EQ(decode(raw.data(), format, 1, 0, 40, out.data()), -1);
    EXPECT_EQ(out.front(), out.back());
    return out.front();
  };
  EXPECT_EQ(one(SampleFormat::u8, {0x80}), 0.0F);
  EXPECT_EQ(one(SampleFormat::u8, {0x00}), -1.0F);
  EXPECT_EQ(one(SampleFormat::u8, {0xFF}), 127.0F / 128);
  EXPECT_EQ(one(SampleFormat::s8, {0x80}), -1.0F);
  EXPECT_EQ(one(SampleFormat::s16le, {0x00, 0x80}), -1.0F);
  EXPECT_EQ(one(SampleFormat::s16be, {0x7F, 0xFF}), 32767.0F / 32768);
  EXPECT_EQ(one(SampleFormat::s24le, {0x00, 0x00, 0x80}), -1.0F);
  EXPECT_EQ(one(SampleFormat::s24le, {0x01, 0x00, 0x00}), 0x1p-23F);
  EXPECT_EQ(one(SampleFormat::s24be, {0xFF, 0xFF, 0xFF}), -0x1p-23F);
  EXPECT_EQ(one(SampleFormat::s32le, {0xFF, 0xFF, 0xFF, 0x7F}), 1.0F);  // (2^31 - 1) / 2^31 lies nearest to 1
  EXPECT_EQ(one(SampleFormat::f32be, {0x3F, 0x80, 0x00, 0x00}), 1.0F);
  EXPECT_EQ(one(SampleFormat::f64le, {0, 0, 0, 0, 0, 0, 0xE0, 0xBF}), -0.5F);
}

TEST(Decode, NamesTheFirstFrameThatIsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  for (const Isa isa : available_isas())
    for (const SampleFormat format : {SampleFormat::f32le, SampleFormat::f32be, SampleFormat::f64le, SampleFormat::f64be})
      for (const int channels : {1, 2, 7})
        for (Frames bad = 0; bad < 67; ++bad) {
          const int size = media::bytes_per_sample(format);
          EndOfPage page(static_cast<std::size_t>(67 * channels * size));
          fill(page.bytes(), format, 1);
          const int channel = channels - 1;
          put_float(page.bytes().data() + (bad * channels + channel) * size, format, bad % 2 == 0 ? nan : -infinity);
          if (bad < 60) put_float(page.bytes().data() + ((bad + 5) * channels + channel) * size, format, infinity);
          if (channels > 1) put_float(page.bytes().data(), format, nan);  // another channel's: not ours to report
          std::vector<float> out(67);
          ASSERT_EQ(decode(page.bytes().data(), format, channels, channel, 67, out.data(), isa), bad)
              << name_of(format) << " " << name_of(isa);
        }
}

TEST(Decode, ADoubleBeyondFloat32IsNotFinite) {
  std::byte raw[8];
  const auto huge = std::bit_cast<std::uint64_t>(1e300);
  for (int i = 0; i < 8; ++i) raw[i] = static_cast<std::byte>(huge >> (8 * i));
  float out = 0;
  EXPECT_EQ(decode(raw, SampleFormat::f64le, 1, 0, 1, &out), 0);
}

TEST(Decode, KeepsDenormalFloatsWhileTheThreadFlushesThem) {
  const FlushDenormals flush;
  const std::uint32_t tiny = 1;
  std::byte raw[40 * 4];
  for (int n = 0; n < 40; ++n) std::memcpy(raw + 4 * n, &tiny, 4);
  for (const Isa isa : available_isas()) {
    float out[40];
    EXPECT_EQ(decode(raw, SampleFormat::f32le, 1, 0, 40, out, isa), -1);
    for (const float x : out) EXPECT_EQ(std::bit_cast<std::uint32_t>(x), tiny);
  }
}

}  // namespace
}  // namespace dubfarm::kernels
