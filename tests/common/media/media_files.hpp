// Sound files for tests: a folder that goes away, files from bytes, RIFF chunks from parts, and libsndfile as an independent writer.
#pragma once
#include <gtest/gtest.h>
#include <sndfile.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace dubfarm::testing {

inline std::string read_file(const std::string& path) {
  std::string bytes(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

/// `value` in little-endian bytes.
inline std::string le(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}
inline std::string be(std::uint64_t value, int bytes) {
  const std::string text = le(value, bytes);
  return {text.rbegin(), text.rend()};
}
inline std::string chunk(std::string_view id, const std::string& body) {
  return std::string(id) + le(body.size(), 4) + body + std::string(body.size() % 2, '\0');
}
inline std::string pcm_format(unsigned channels, unsigned rate, unsigned bits, unsigned tag = 1) {
  const unsigned block = channels * ((bits + 7) / 8);
  return chunk("fmt ",
               le(tag, 2) + le(channels, 2) + le(rate, 4) + le(static_cast<std::uint64_t>(rate) * block, 4) + le(block, 2) + le(bits, 2));
}
inline std::string riff(const std::string& chunks, std::string_view id = "RIFF") {
  return std::string(id) + le(id == "RIFF" ? chunks.size() + 4 : 0xFFFFFFFFU, 4) + "WAVE" + chunks;
}

/// Writes interleaved samples by libsndfile, in small blocks (its Vorbis encoder puts a whole block on the stack).
inline std::string sound(const std::string& path, int sndfile_format, int rate, int channels, const std::vector<float>& interleaved) {
  SF_INFO info{};
  info.samplerate = rate;
  info.channels = channels;
  info.format = sndfile_format;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  EXPECT_NE(file, nullptr) << path << ": " << sf_strerror(nullptr);
  if (file == nullptr) return path;
  const auto frames = static_cast<sf_count_t>(interleaved.size()) / channels;
  for (sf_count_t at = 0; at < frames; at += 1024) {
    const sf_count_t now = std::min<sf_count_t>(1024, frames - at);
    EXPECT_EQ(sf_writef_float(file, interleaved.data() + at * channels, now), now);
  }
  sf_close(file);
  return path;
}

/// All samples by libsndfile, interleaved.
inline std::vector<float> samples_of(const std::string& path) {
  SF_INFO info{};
  SNDFILE* file = sf_open(path.c_str(), SFM_READ, &info);
  EXPECT_NE(file, nullptr) << path << ": " << sf_strerror(nullptr);
  if (file == nullptr) return {};
  std::vector<float> samples(static_cast<std::size_t>(info.frames * info.channels));
  EXPECT_EQ(sf_readf_float(file, samples.data(), info.frames), info.frames);
  sf_close(file);
  return samples;
}

}  // namespace dubfarm::testing
