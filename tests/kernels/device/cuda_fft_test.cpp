// The transforms that a device convolves with, and the sums of squares that decide on their precision.
#include <gtest/gtest.h>

#include <complex>
#include <numbers>

#include "tests/support/cuda_backend.hpp"

namespace dubfarm::kernels {
namespace {

using testing::CudaBackend;
using testing::OnDevice;

constexpr int kBatch = 3;

/// |a - b|, the largest, in dB below the root mean square of b.
template <class Real>
double error_below_rms_db(std::span<const Real> a, const std::vector<double>& b) {
  double worst = 0, energy = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double error = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(error <= worst)) worst = error;
    energy += b[i] * b[i];
  }
  return std::isnan(worst) ? 1e9 : 20 * std::log10(std::max(worst, 1e-300) / std::sqrt(energy / static_cast<double>(b.size())));
}

/// Forward against the sum that defines it, and there and back again.
template <class Real>
void compare_transforms(CudaBackend& backend, Frames wanted, double forward_db, double back_db) {
  const cuda::FftOperations& fft = *backend.operations().fft;
  const bool in_double = sizeof(Real) == 8;
  const Frames size = fft.size_at_least(wanted);
  ASSERT_GE(size, wanted);
  ASSERT_EQ(size % 2, 0);
  const auto n = static_cast<std::size_t>(size);
  std::vector<Real> signals(kBatch * n);
  const std::vector<float> noise = testing::noise(2 * signals.size(), static_cast<std::uint64_t>(size));
  for (std::size_t i = 0; i < signals.size(); ++i)
    signals[i] = static_cast<Real>(static_cast<double>(noise[2 * i]) + (in_double ? 1e-9 * static_cast<double>(noise[2 * i + 1]) : 0.0));
  OnDevice<Real> x(backend, signals), spectra(backend, kBatch * (n + 2)), y(backend, kBatch * n);
  std::size_t work_bytes = 0;
  void* const plan = fft.create(size, kBatch, in_double, &work_bytes);
  ASSERT_NE(plan, nullptr);
  OnDevice<std::byte> work(backend, work_bytes);
  ASSERT_TRUE(fft.use_work(plan, work.data()));
  ASSERT_TRUE(fft.forward(plan, x.data(), spectra.data(), backend.stream()));
  EXPECT_TRUE(testing::same_bytes(x.download(), signals));  // out of place
  const std::span<const Real> spectrum = spectra.download();
  std::vector<std::complex<double>> roots;
  for (std::size_t k = 0; k < n; ++k) roots.push_back(std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n)));
  for (int b = 0; b < kBatch; ++b) {
    std::vector<double> want;
    for (std::size_t f = 0; f <= n / 2; ++f) {
      std::complex<double> sum = 0;
      for (std::size_t j = 0; j < n; ++j) sum += static_cast<double>(signals[static_cast<std::size_t>(b) * n + j]) * roots[f * j % n];
      want.push_back(sum.real()), want.push_back(sum.imag());
    }
    EXPECT_LT(error_below_rms_db(spectrum.subspan(static_cast<std::size_t>(b) * (n + 2), n + 2), want), forward_db) << "size " << size << ", signal " << b;
  }
  ASSERT_TRUE(fft.inverse(plan, spectra.data(), y.data(), backend.stream()));
  std::vector<double> want;
  for (const Real value : signals) want.push_back(static_cast<double>(value) * static_cast<double>(n));
  EXPECT_LT(error_below_rms_db(y.download(), want), back_db) << "size " << size;
  fft.destroy(plan);
}

TEST(CudaFft, TransformsThereAndBack) {
  for (CudaBackend* backend : testing::cuda_backends()) {
    for (const Frames wanted : {Frames{2}, Frames{2049}, Frames{2305}}) {
      compare_transforms<float>(*backend, wanted, -115, -115);
      compare_transforms<double>(*backend, wanted, -250, -130);  // the emulation's inverse rounds to float32, as what take() gives is
    }
    testing::ran("fft", backend->name());
    testing::ran("fft in double", backend->name());
  }
}

TEST(CudaFft, AnEmulatedTransformNeedsItsWorkArea) {
  const cuda::FftOperations& fft = cuda::fft_operations();
  std::size_t work_bytes = 0;
  void* const plan = fft.create(2048, 1, false, &work_bytes);
  EXPECT_GT(work_bytes, 0u);
  std::vector<float> signal(2048), spectrum(2050);
  EXPECT_FALSE(fft.forward(plan, signal.data(), spectrum.data(), nullptr));
  fft.destroy(plan);
}

TEST(CudaEnergies, SumSquaresOfEveryPiece) {
  constexpr Frames kPiece = cuda::kEnergyPiece;
  for (CudaBackend* backend : testing::cuda_backends()) {
    const std::vector<Frames> counts = {0, 1, 255, 256, 257, kPiece - 1, kPiece, kPiece + 1, 2 * kPiece + 77};
    constexpr std::size_t kPieces = 3;
    std::vector<std::vector<float>> x;
    std::vector<OnDevice<float>> on_device;
    std::vector<OnDevice<double>> sums;
    std::vector<cuda::EnergyRow> rows;
    for (const Frames count : counts) {
      x.push_back(testing::noise(static_cast<std::size_t>(count), static_cast<std::uint64_t>(count)));
      if (count > 1) x.back()[1] = 1e-40f;  // read as zero
      on_device.emplace_back(*backend, x.back());
      sums.emplace_back(*backend, kPieces);
      rows.push_back({on_device.back().data(), count, sums.back().data()});
    }
    OnDevice<cuda::EnergyRow> table(*backend, rows);
    backend->operations().energies({table.data(), static_cast<int>(rows.size()), counts.back()}, backend->stream());
    for (std::size_t r = 0; r < counts.size(); ++r) {
      const std::span<const double> got = sums[r].download();
      for (std::size_t p = 0; p < kPieces; ++p) {
        double want = 0;
        for (Frames i = static_cast<Frames>(p) * kPiece; i < std::min(counts[r], static_cast<Frames>(p + 1) * kPiece); ++i)
          want += static_cast<double>(x[r][static_cast<std::size_t>(i)]) * static_cast<double>(x[r][static_cast<std::size_t>(i)]);
        EXPECT_NEAR(got[p], want, 1e-12 * want) << counts[r] << " frames, piece " << p;
      }
    }
    testing::ran("energies (device alone)", backend->name());
  }
}

}  // namespace
}  // namespace dubfarm::kernels
