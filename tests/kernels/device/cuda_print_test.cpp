// The contract suite of the CUDA backend, operations of a print and its meters: equal bytes with the CPU backend.
#include <bit>
#include <cmath>

#include "kernels/level/level.hpp"
#include "kernels/limit/limit.hpp"
#include "kernels/limit/limit_tables.hpp"
#include "kernels/loudness/weighting_tables.hpp"
#include "kernels/qc/qc.hpp"
#include "kernels/quantise/quantise.hpp"
#include "kernels/quantise/quantise_tables.hpp"
#include "kernels/true_peak/true_peak.hpp"
#include "tests/support/cuda_backend.hpp"

namespace dubfarm::kernels {
namespace {

using testing::CudaBackend;
using testing::OnDevice;
using testing::same_bytes;

constexpr Frames kSizes[] = {1, 15, 16, 17, 31, 32, 33, 255, 256, 257, 2047, 2048, 2049, 4099};

std::size_t to_size(Frames n) { return static_cast<std::size_t>(n); }

/// Noise with signed zeros, denormals and full scale in it.
std::vector<float> signal(Frames n, std::uint64_t salt, float peak = 0.25f) {
  std::vector<float> x = testing::noise(to_size(n), salt, peak);
  for (std::size_t i = 0; i < x.size(); i += 7) x[i] = i % 3 == 0 ? -0.0f : i % 3 == 1 ? 1e-41f : -1.0f;
  return x;
}

TEST(CudaLevel, GivesTheBitsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    std::vector<std::vector<float>> x;
    std::vector<OnDevice<float>> on_device;
    std::vector<cuda::LevelRun> runs;
    OnDevice<double> sums(*backend, std::size(kSizes));
    OnDevice<std::int64_t> counts(*backend, std::size(kSizes));
    for (const Frames n : kSizes) {
      const std::size_t i = runs.size();
      x.push_back(signal(n, i));
      on_device.emplace_back(*backend, x.back());
      runs.push_back({on_device.back().data(), n, -0.2f, 0.2f, sums.data() + i, counts.data() + i});
    }
    OnDevice<cuda::LevelRun> table(*backend, runs);
    backend->operations().level({table.data(), static_cast<int>(runs.size())}, backend->stream());
    const auto got = sums.download();
    const auto full = counts.download();
    const FlushDenormals flush;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const Level want = level(x[i].data(), runs[i].count, -0.2f, 0.2f);
      EXPECT_EQ(std::bit_cast<std::uint64_t>(got[i]), std::bit_cast<std::uint64_t>(want.sum)) << runs[i].count << " frames";
      EXPECT_EQ(full[i], want.full_scale) << runs[i].count << " frames";
    }
    testing::ran("level", backend->name());
  }
}

TEST(CudaQc, GivesTheBitsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    constexpr float kStep = 1e-3f;
    std::vector<std::vector<float>> x, y;
    std::vector<OnDevice<float>> on_device;
    std::vector<OnDevice<double>> sums;
    std::vector<OnDevice<std::uint8_t>> flat;
    std::vector<cuda::PairRun> pairs;
    std::vector<cuda::SlopeRun> slopes;
    std::vector<cuda::FlatRun> flats;
    for (const Frames n : kSizes) {
      x.push_back(signal(n + 1, pairs.size())), y.push_back(signal(n + 1, 100 + pairs.size()));
      for (std::size_t i = 0; i < x.back().size(); ++i) x.back()[i] = i % 64 < 30 ? x.back()[i] : 0.1f + 1e-5f * static_cast<float>(i % 16);
      on_device.emplace_back(*backend, x.back()), on_device.emplace_back(*backend, y.back());
      sums.emplace_back(*backend, 5);
      flat.emplace_back(*backend, to_size(n / kFlatBlock));
      const float* const at = on_device[on_device.size() - 2].data() + 1;
      pairs.push_back({at, on_device.back().data() + 1, n, sums.back().data()});
      slopes.push_back({at, n, sums.back().data() + 3});
      flats.push_back({at, n / kFlatBlock, kStep, flat.back().data()});
    }
    const auto count = static_cast<int>(pairs.size());
    OnDevice<cuda::PairRun> pair_table(*backend, pairs);
    OnDevice<cuda::SlopeRun> slope_table(*backend, slopes);
    OnDevice<cuda::FlatRun> flat_table(*backend, flats);
    backend->operations().qc({pair_table.data(), count, slope_table.data(), count, flat_table.data(), count, 4099 / kFlatBlock}, backend->stream());
    bool some_flat = false;
    const FlushDenormals flush;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const Frames n = pairs[i].count;
      const PairSums pair = pair_sums(x[i].data() + 1, y[i].data() + 1, n);
      const SlopeSums slope = slope_sums(x[i].data() + 1, n);
      EXPECT_TRUE(same_bytes(sums[i].download(), std::vector<double>{pair.left, pair.right, pair.product, slope.energy, slope.slope})) << n << " frames";
      std::vector<std::uint8_t> want(to_size(n / kFlatBlock));
      flat_blocks(x[i].data() + 1, n / kFlatBlock, kStep, want.data());
      EXPECT_TRUE(same_bytes(flat[i].download(), want)) << n << " frames";
      some_flat = some_flat || std::count(want.begin(), want.end(), 1) > 0;
    }
    EXPECT_TRUE(some_flat);
    testing::ran("qc", backend->name());
  }
}

TEST(CudaTruePeak, GivesTheBitsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    std::vector<std::vector<float>> x;
    std::vector<OnDevice<float>> on_device;
    std::vector<cuda::PeakRun> runs;
    OnDevice<std::int32_t> bits(*backend, std::vector<std::int32_t>(2 * std::size(kSizes), 0));
    for (const Frames n : kSizes) {
      const std::size_t i = runs.size();
      x.push_back(signal(n + kTruePeakHistory, i));
      if (i == 3) x.back().back() = std::numeric_limits<float>::quiet_NaN();
      on_device.emplace_back(*backend, x.back());
      runs.push_back({on_device.back().data() + kTruePeakHistory, n, bits.data() + 2 * i, bits.data() + 2 * i + 1});
    }
    OnDevice<cuda::PeakRun> table(*backend, runs);
    backend->operations().true_peaks({table.data(), static_cast<int>(runs.size()), 4099}, backend->stream());
    const auto got = bits.download();
    const FlushDenormals flush;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const Peaks want = peaks(x[i].data() + kTruePeakHistory, runs[i].count);
      const float between = std::bit_cast<float>(got[2 * i]), samples = std::bit_cast<float>(got[2 * i + 1]);
      if (i == 3) {
        EXPECT_TRUE(std::isnan(want.true_peak) && std::isnan(between) && std::isnan(samples));
        continue;
      }
      EXPECT_EQ(std::max(between, samples), want.true_peak) << runs[i].count << " frames";
      EXPECT_EQ(samples, want.sample_peak) << runs[i].count << " frames";
    }
    testing::ran("true peak", backend->name());
  }
}

TEST(CudaLoudness, GivesTheBitsOfTheCpu) {
  constexpr int kRate = 17000;  // small groups
  const Frames history = history_frames(kRate);
  for (CudaBackend* backend : testing::cuda_backends())
    for (const bool is_m : {false, true})
      for (const int channels : {1, 33}) {
        const Frames subblocks = channels == 1 ? kSubblocksPerGroup : 3, count = subblocks * subblock_frames(kRate);
        std::vector<std::vector<float>> x;
        std::vector<OnDevice<float>> on_device;
        std::vector<OnDevice<double>> energies;
        std::vector<cuda::WeightedRun> runs;
        std::vector<const float*> starts;
        for (int c = 0; c < channels; ++c) {
          x.push_back(signal(history + count, static_cast<std::uint64_t>(c)));
          if (c == 0) std::fill(x.back().begin() + history + count / 8, x.back().end() - count / 4, 0.0f);  // a tail that dies out
          on_device.emplace_back(*backend, x.back());
          energies.emplace_back(*backend, to_size(subblocks));
          runs.push_back({on_device.back().data() + history, energies.back().data()});
        }
        for (auto& row : x) starts.push_back(row.data() + history);
        OnDevice<cuda::WeightedRun> table(*backend, runs);
        const cuda::Weighting weighting = is_m ? weighting_of(design_m_weighting(kRate)) : weighting_of(design_k_weighting(kRate));
        backend->operations().weighted_energies({table.data(), channels, weighting, history, subblock_frames(kRate), subblocks}, backend->stream());
        std::vector<double> want(to_size(channels * subblocks));
        {
          const FlushDenormals flush;
          (is_m ? m_weighted_energies : subblock_energies)(starts.data(), channels, count, kRate, want.data(), subblocks, best_isa());
        }
        for (int c = 0; c < channels; ++c)
          EXPECT_TRUE(same_bytes(energies[static_cast<std::size_t>(c)].download(), std::span(want).subspan(to_size(c * subblocks), to_size(subblocks))))
              << "channel " << c << " of " << channels;
        testing::ran(is_m ? "m-weighting" : "k-weighting", backend->name());
      }
}

TEST(CudaQuantise, GivesTheBytesAndCountsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends())
    for (const SampleType type : {SampleType::int16, SampleType::int24, SampleType::float32})
      for (const Frames n : kSizes)
        for (const int dither : {0, 1, 2}) {  // none, of a file, of a file in a chain
          constexpr int kChannels = 3;
          const Frames first = 4 * n + n % 4;
          std::vector<std::vector<double>> x;
          std::vector<std::uint64_t> keys;
          std::vector<ChainedDither> chained;
          std::vector<const double*> rows;
          for (int c = 0; c < kChannels; ++c) {
            const std::vector<float> noise = testing::noise(to_size(n), static_cast<std::uint64_t>(c), 1.01f);
            x.emplace_back(noise.begin(), noise.end());
            if (n > 20) x.back()[11] = std::numeric_limits<double>::quiet_NaN(), x.back()[12] = 1e-310, x.back()[13] = -1e-40, x.back()[14] = 1e300;
            keys.push_back(dither_key("A", c));
            chained.push_back({{dither_key("A", c), c == 1}, {dither_key("B", c), true}});
          }
          for (auto& row : x) rows.push_back(row.data());
          const std::vector<int> order = {2, 0, 1};
          const int bytes = bytes_per_sample(type);
          std::vector<std::byte> want(to_size(n * kChannels * bytes));
          std::vector<std::vector<float>> want_delivered(kChannels, std::vector<float>(to_size(n)));
          std::vector<float*> delivered_rows;
          for (auto& row : want_delivered) delivered_rows.push_back(row.data());
          QuantiseArgs args;
          args.channels = rows.data(), args.order = order, args.first_frame = first, args.count = n, args.type = type;
          args.dither_keys = dither == 1 ? keys.data() : nullptr, args.chained_dither = dither == 2 ? chained.data() : nullptr;
          args.out = want.data(), args.delivered = delivered_rows.data();
          QuantiseStats stats;
          {
            const FlushDenormals flush;
            stats = quantise(args);
          }
          std::vector<OnDevice<double>> on_device;
          std::vector<OnDevice<float>> delivered;
          std::vector<cuda::QuantisedChannel> channels;
          for (const int c : order) {
            const auto i = static_cast<std::size_t>(c);
            on_device.emplace_back(*backend, x[i]);
            delivered.emplace_back(*backend, to_size(n));
            channels.push_back({on_device.back().data(), dither == 2 ? channel_dither(chained[i]) : channel_dither(keys[i]), delivered.back().data()});
          }
          OnDevice<cuda::QuantisedChannel> table(*backend, channels);
          OnDevice<std::byte> out(*backend, want.size());
          OnDevice<std::int64_t> counts(*backend, std::vector<std::int64_t>{0, 0});
          backend->operations().quantise({table.data(), kChannels, first, n, bytes, type == SampleType::float32, dither != 0, out.data(), counts.data(),
                                          counts.data() + 1},
                                         backend->stream());
          EXPECT_TRUE(same_bytes(out.download(), want)) << bytes << " bytes, " << n << " frames, dither " << dither;
          EXPECT_EQ(counts.download()[0], stats.clipped);
          EXPECT_EQ(counts.download()[1], stats.not_a_number);
          for (std::size_t i = 0; i < order.size(); ++i)
            EXPECT_TRUE(same_bytes(delivered[i].download(), want_delivered[static_cast<std::size_t>(order[i])])) << bytes << " bytes, " << n << " frames";
          testing::ran("quantise", backend->name());
        }
}

TEST(CudaLimit, GivesTheBitsOfTheCpu) {
  for (CudaBackend* backend : testing::cuda_backends())
    for (const Frames lookahead : {1, 240, 300})
      for (const Frames n : {1, 255, 2048, 9001}) {
        constexpr int kChannels = 2;
        LimiterSettings settings;
        settings.lookahead = lookahead, settings.release = lookahead == 300 ? 100 : 4800, settings.rounding = 1e-7;
        LimiterCurve curve(settings, kChannels);
        std::vector<std::vector<double>> x;
        for (int c = 0; c < kChannels; ++c) {  // quiet, and loud here and there
          const std::vector<float> noise = testing::noise(to_size(n), static_cast<std::uint64_t>(c), 0.9f);
          x.emplace_back(noise.begin(), noise.end());
          for (std::size_t i = 0; i < x.back().size(); ++i) x.back()[i] *= i % 1500 < 40 ? 3.0 : 0.5;
        }
        std::vector<double> want(to_size(n + curve.delay()));
        {
          const FlushDenormals flush;
          std::vector<std::vector<double>> fed = x;
          std::vector<const double*> rows;
          for (auto& row : fed) row.resize(want.size(), 0.0), rows.push_back(row.data());
          curve.advance(rows.data(), static_cast<Frames>(want.size()), want.data());
        }
        want.erase(want.begin(), want.begin() + curve.delay());
        const LimiterConstants constants = limiter_constants(settings);
        OnDevice<double> weights(*backend, constants.weights);
        std::vector<OnDevice<double>> on_device;
        std::vector<const double*> rows;
        for (auto& row : x) on_device.emplace_back(*backend, row), rows.push_back(on_device.back().data());
        OnDevice<const double*> table(*backend, rows);
        OnDevice<double> gain(*backend, to_size(n));
        OnDevice<std::byte> workspace(*backend, to_size(cuda::limiter_workspace_bytes(n, lookahead, kChannels)));
        cuda::LimitArgs args;
        args.x = table.data(), args.channels = kChannels, args.n = n, args.workspace = workspace.data(), args.gain = gain.data();
        args.numbers = limiter_numbers(constants, lookahead, weights.data());
        backend->operations().limit(args, backend->stream());
        EXPECT_TRUE(same_bytes(gain.download(), want)) << n << " frames, look-ahead " << lookahead << "; seed " << testing::test_seed();
        if (n > 2000) { EXPECT_LT(*std::min_element(want.begin(), want.end()), 0.9); }
        workspace.download();
        testing::ran("limiter", backend->name());
      }
}

}  // namespace
}  // namespace dubfarm::kernels
