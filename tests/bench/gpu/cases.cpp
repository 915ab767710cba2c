#include "tests/bench/gpu/cases.hpp"

#include <algorithm>
#include <cstring>
#include <initializer_list>
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

/// Noise in [-0.25, 0.25).
std::vector<float> noise(std::size_t count, std::uint64_t seed) {
  Numbers numbers(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(static_cast<std::int64_t>(numbers.next())) * 0x1p-65F;
  return values;
}

std::string shape_of(std::initializer_list<Frames> sizes) {
  std::string text;
  for (const Frames size : sizes) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

/// Static bands over lanes, in place: sections that ring long, designed once (state-space form of a damped rotation; the numbers matter little).
/// `clips`: every lane sounds for a fifth of the time, each at its own, so that some lane's tail always falls through the denormal numbers.
Case eq_case(int lanes, int bands, Frames frames, bool clips = false) {
  using kernels::cuda::EqLane;
  const auto total = static_cast<std::size_t>(lanes) * static_cast<std::size_t>(frames);
  std::vector<float> input = noise(total, 11);
  for (std::size_t i = 0; clips && i < total; ++i) {
    const Frames lane = static_cast<Frames>(i) / frames, frame = static_cast<Frames>(i) % frames;
    if ((5 * frame / frames + lane) % 5 != 0) input[i] = 0.0F;
  }
  const auto x = std::make_shared<Array<float>>(input);
  std::vector<double> steps;
  for (int b = 0; b < bands; ++b) {
    const double turn = 0.01 * (b + 1), decay = 1 - 0.001 * (b + 1);
    for (const double value : {decay, -turn, 0.02, turn, decay, 0.01, 0.3, 0.2, 0.9}) steps.push_back(value);
  }
  const auto step_table = std::make_shared<Array<double>>(steps);
  const std::vector<double> silence(static_cast<std::size_t>(2 * lanes * bands), 0.0);
  const auto states = std::make_shared<Array<double>>(silence);
  std::vector<EqLane> entries;
  for (int l = 0; l < lanes; ++l)
    entries.push_back({x->data() + static_cast<Frames>(l) * frames, step_table->data(), states->data() + 2 * l * bands, bands});
  const auto table = std::make_shared<Array<EqLane>>(entries);
  Case c;
  c.operation = "eq";
  c.shape = shape_of({lanes, bands, frames}) + (clips ? " (lanes, bands, frames; clips)" : " (lanes, bands, frames)");
  c.samples = static_cast<double>(total);
  c.bytes = 8 * c.samples;
  c.prepare = [x, states, silence, input] {
    memory().copy_up(x->data(), input.data(), input.size() * sizeof(float));
    memory().copy_up(states->data(), silence.data(), silence.size() * sizeof(double));
  };
  c.run = [x, step_table, states, table, lanes, frames](StreamHandle stream) { operations().eq({table->data(), lanes, frames}, stream); };
  c.hash = [x] { return x->hash(); };
  return c;
}

Case mix_case(int lanes, int outs, Frames frames) {
  using kernels::cuda::MixLane;
  const auto x = std::make_shared<Array<float>>(noise(static_cast<std::size_t>(lanes) * static_cast<std::size_t>(frames), 12));
  std::vector<MixLane> entries;
  for (int l = 0; l < lanes; ++l) entries.push_back({x->data() + static_cast<Frames>(l) * frames, nullptr, 0, frames});
  std::vector<double> coefs;
  for (int i = 0; i < lanes * outs; ++i) coefs.push_back(i % 3 == 0 ? 0.0 : 0.001 * (i % 100 + 1));
  const auto out = std::make_shared<Array<float>>(static_cast<std::size_t>(outs) * static_cast<std::size_t>(frames));
  std::vector<float*> rows;
  for (int o = 0; o < outs; ++o) rows.push_back(out->data() + static_cast<Frames>(o) * frames);
  const auto lane_table = std::make_shared<Array<MixLane>>(entries);
  const auto coef_table = std::make_shared<Array<double>>(coefs);
  const auto row_table = std::make_shared<Array<float*>>(rows);
  Case c;
  c.operation = "mix";
  c.shape = shape_of({lanes, outs, frames}) + " (lanes, outs, frames)";
  c.samples = static_cast<double>(lanes) * static_cast<double>(frames);
  c.bytes = 4.0 * static_cast<double>(lanes + outs) * static_cast<double>(frames);
  c.run = [x, out, lane_table, coef_table, row_table, lanes, outs, frames](StreamHandle stream) {
    kernels::cuda::MixArgs args;
    args.lanes = lane_table->data();
    args.lane_count = lanes;
    args.coefs = coef_table->data();
    args.outs = outs;
    args.n = frames;
    args.out = row_table->data();
    operations().mix(args, stream);
  };
  c.hash = [out] { return out->hash(); };
  return c;
}

/// One send with a response of `taps` taps into each of `outs`: a transform up, products, transforms down. Measured only: its bits are the library's.
Case reverb_case(int outs, Frames taps, Frames frames) {
  const kernels::cuda::FftOperations& fft = *operations().fft;
  const Frames size = fft.size_at_least(kernels::cuda::convolution_frames(taps, 0, frames));
  const auto spectrum = static_cast<std::size_t>(size + 2);
  const auto dry = std::make_shared<Array<float>>(noise(static_cast<std::size_t>(frames), 13));
  const auto signal = std::make_shared<Array<float>>(static_cast<std::size_t>(size) * static_cast<std::size_t>(outs));
  const auto input = std::make_shared<Array<float>>(spectrum), wet = std::make_shared<Array<float>>(spectrum * static_cast<std::size_t>(outs));
  const auto responses = std::make_shared<Array<float>>(noise(spectrum * static_cast<std::size_t>(outs), 14));
  const auto out = std::make_shared<Array<float>>(static_cast<std::size_t>(frames) * static_cast<std::size_t>(outs));
  std::vector<const void*> inputs(static_cast<std::size_t>(outs), input->data()), paths;
  std::vector<kernels::cuda::Taken> taken;
  for (std::size_t o = 0; o < static_cast<std::size_t>(outs); ++o) {
    paths.push_back(responses->data() + o * spectrum);
    taken.push_back({signal->data() + o * static_cast<std::size_t>(size), out->data() + o * static_cast<std::size_t>(frames)});
  }
  const auto input_table = std::make_shared<Array<const void*>>(inputs), path_table = std::make_shared<Array<const void*>>(paths);
  std::vector<kernels::cuda::SpectralSum> sums;
  for (std::size_t o = 0; o < static_cast<std::size_t>(outs); ++o) sums.push_back({input_table->data() + o, path_table->data() + o, 1, wet->data() + o * spectrum});
  const auto sum_table = std::make_shared<Array<kernels::cuda::SpectralSum>>(sums);
  const auto taken_table = std::make_shared<Array<kernels::cuda::Taken>>(taken);
  const auto placed_table = std::make_shared<Array<kernels::cuda::Placed>>(std::vector<kernels::cuda::Placed>{{dry->data(), frames, signal->data()}});
  std::size_t up_bytes = 0, down_bytes = 0;
  const std::shared_ptr<void> up(fft.create(size, 1, false, &up_bytes), fft.destroy), down(fft.create(size, outs, false, &down_bytes), fft.destroy);
  const auto work = std::make_shared<Array<std::byte>>(std::max({up_bytes, down_bytes, std::size_t{1}}));
  (void)fft.use_work(up.get(), work->data()), (void)fft.use_work(down.get(), work->data());
  Case c;
  c.operation = "reverb";
  c.shape = shape_of({outs, taps, frames}) + " (outs, taps, frames), size " + std::to_string(size);
  c.samples = static_cast<double>(frames);
  // The floor: the send in, its spectrum out; responses in; each output's spectrum and signal once.
  c.bytes = 4.0 * static_cast<double>(2 * size) + 4.0 * static_cast<double>(size) * outs * 3;
  c.run = [=, &fft](StreamHandle stream) {
    (void)responses, (void)out, (void)work, (void)path_table, (void)input_table;  // held alive
    operations().place({placed_table->data(), 1, size, 1.0, false}, stream);
    (void)fft.forward(up.get(), signal->data(), input->data(), stream);
    operations().multiply_spectra({sum_table->data(), outs, size, false}, stream);
    (void)fft.inverse(down.get(), wet->data(), signal->data(), stream);
    operations().take({taken_table->data(), outs, 0, frames, false}, stream);
  };
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
    for (const int lanes : {1, 31, 32, 33})
      for (const int bands : {1, 4, 5})
        for (const Frames frames : {1, 31, 32, 33, 1000}) all.push_back([=] { return eq_case(lanes, bands, frames); });
    all.push_back([] { return eq_case(33, 5, 1000, true); });
    for (const int outs : {1, 7, 8, 9, 18})
      for (const Frames frames : {1, 255, 256, 257}) all.push_back([=] { return mix_case(20, outs, frames); });
  } else {
    constexpr Frames kChunk = 60 * 48000;
    all.push_back([] { return decode_case(media::SampleFormat::s24le, 256, kChunk); });
    all.push_back([] { return decode_case(media::SampleFormat::s16le, 256, kChunk); });
    all.push_back([] { return eq_case(256, 4, kChunk); });
    all.push_back([] { return eq_case(256, 4, kChunk, true); });
    all.push_back([] { return eq_case(2048, 4, kChunk / 8); });  // as many lanes as eight chunks in flight have
    all.push_back([] { return mix_case(256, 18, kChunk); });
    all.push_back([] { return reverb_case(6, 4 * 48000, kChunk); });
  }
  return all;
}

}  // namespace dubfarm::bench
