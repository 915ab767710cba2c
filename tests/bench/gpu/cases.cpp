#include "tests/bench/gpu/cases.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "kernels/device/operations.hpp"

namespace dubfarm::bench {
namespace {

using kernels::cuda::operations;
using kernels::cuda::StreamHandle;

/// The same numbers on every machine (splitmix64).
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// FNV-1a, on words of eight bytes.
std::uint64_t hash_of(std::span<const std::byte> bytes, std::uint64_t hash = 0xCBF29CE484222325u) {
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
    hash = (hash ^ word) * 0x100000001B3u;
  }
  return hash;
}

/// `count` values on the device; outputs begin as bytes that no operation leaves behind.
template <class T>
class Array {
 public:
  explicit Array(std::size_t count) : count_(count), data_(static_cast<T*>(memory().allocate(count * sizeof(T)))) {
    const std::vector<unsigned char> poison(count * sizeof(T), 0xFF);
    memory().copy_up(data_, poison.data(), poison.size());
  }
  explicit Array(const std::vector<T>& values) : count_(values.size()), data_(static_cast<T*>(memory().allocate(values.size() * sizeof(T)))) {
    memory().copy_up(data_, values.data(), values.size() * sizeof(T));
  }
  ~Array() { memory().release(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  [[nodiscard]] T* data() const { return data_; }
  [[nodiscard]] std::uint64_t hash() const {
    std::vector<std::byte> bytes(count_ * sizeof(T));
    memory().copy_down(bytes.data(), data_, bytes.size());
    return hash_of(bytes);
  }

 private:
  std::size_t count_;
  T* data_;
};

/// Mono sources of one format, a run each, one after another in memory, as an upload leaves them.
Case decode_case(media::SampleFormat format, int tracks, Frames frames) {
  using kernels::cuda::DecodeRun;
  const std::size_t size = static_cast<std::size_t>(media::bytes_per_sample(format)), stride = static_cast<std::size_t>(frames);
  Numbers numbers(static_cast<std::uint64_t>(format) * 1000 + static_cast<std::uint64_t>(frames));
  std::vector<std::byte> source(size * stride * static_cast<std::size_t>(tracks));
  if (media::is_float(format)) {
    for (std::size_t i = 0; i < source.size() / size; ++i) {
      const double value = static_cast<double>(static_cast<std::int64_t>(numbers.next())) * 0x1p-63;
      const float single = static_cast<float>(value);
      if (size == 8) std::memcpy(source.data() + i * size, &value, size);
      else std::memcpy(source.data() + i * size, &single, size);
    }
  } else {
    for (std::size_t at = 0; at < source.size(); at += 8) {
      const std::uint64_t word = numbers.next();
      std::memcpy(source.data() + at, &word, std::min<std::size_t>(8, source.size() - at));
    }
  }
  const auto raw = std::make_shared<Array<std::byte>>(source);
  const auto out = std::make_shared<Array<float>>(stride * static_cast<std::size_t>(tracks));
  std::vector<DecodeRun> runs;
  for (std::size_t t = 0; t < static_cast<std::size_t>(tracks); ++t)
    runs.push_back({raw->data() + t * stride * size, static_cast<std::int64_t>(size), format, frames, out->data() + t * stride, nullptr});
  const auto table = std::make_shared<Array<DecodeRun>>(runs);
  Case c;
  c.operation = "decode";
  c.shape = std::string(name_of(format)) + " " + std::to_string(tracks) + " x " + std::to_string(frames);
  c.samples = static_cast<double>(tracks) * static_cast<double>(frames);
  c.bytes = c.samples * static_cast<double>(size + sizeof(float));
  c.run = [raw, out, table, tracks, frames](StreamHandle stream) { operations().decode({table->data(), tracks, frames}, stream); };
  c.hash = [out] { return out->hash(); };
  return c;
}

}  // namespace

std::vector<std::function<Case()>> cases(bool small) {
  std::vector<std::function<Case()>> all;
  if (small) {
    for (const media::SampleFormat format : {media::SampleFormat::s16le, media::SampleFormat::s24le, media::SampleFormat::s32le, media::SampleFormat::f32le,
                                             media::SampleFormat::f64le})
      for (const Frames frames : {1, 31, 32, 33, 1023, 1024, 1025, 4097}) all.push_back([=] { return decode_case(format, 3, frames); });
  } else {
    constexpr Frames kChunk = 60 * 48000;
    all.push_back([] { return decode_case(media::SampleFormat::s24le, 256, kChunk); });
    all.push_back([] { return decode_case(media::SampleFormat::s16le, 256, kChunk); });
  }
  return all;
}

}  // namespace dubfarm::bench
