// Elementary functions in double that give the same bits on every machine and instruction set: fixed polynomials with explicit fma, no
// library function whose last bit depends on the C library. Each is within 4e-16 of the true value, relative. Always inlined, so that a
// file compiled for AVX-512 cannot lend its copy to one that is not; free of branches, so that loops over them become vector code.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define DUBFARM_PORTABLE __host__ __device__ __forceinline__
#else
#define DUBFARM_PORTABLE [[gnu::always_inline]] inline
#endif

namespace dubfarm {

/// 2^x for x in [-1000, 1000], which it clamps to; exact at whole numbers. Taylor series of 2^f on |f| <= 1/2, truncated below 5e-18.
[[nodiscard]] DUBFARM_PORTABLE double portable_exp2(double x) {
  constexpr double kRound = 0x1.8p52;  // adding it leaves the nearest whole number (ties to even) in the low bits
  x = x < -1000.0 ? -1000.0 : x;
  x = x > 1000.0 ? 1000.0 : x;
  const double shifted = x + kRound;
  const double f = x - (shifted - kRound);
  double y = 0x1.816193166d0f9p-40;  // (ln 2)^13 / 13!
  y = std::fma(y, f, 0x1.c3bd650fc2986p-36);
  y = std::fma(y, f, 0x1.e8cac7351bb25p-32);
  y = std::fma(y, f, 0x1.e4cf5158b8ecap-28);
  y = std::fma(y, f, 0x1.b5253d395e7c4p-24);
  y = std::fma(y, f, 0x1.62c0223a5c824p-20);
  y = std::fma(y, f, 0x1.ffcbfc588b0c7p-17);
  y = std::fma(y, f, 0x1.430912f86c787p-13);
  y = std::fma(y, f, 0x1.5d87fe78a6731p-10);
  y = std::fma(y, f, 0x1.3b2ab6fba4e77p-7);
  y = std::fma(y, f, 0x1.c6b08d704a0c0p-5);
  y = std::fma(y, f, 0x1.ebfbdff82c58fp-3);
  y = std::fma(y, f, 0x1.62e42fefa39efp-1);
  y = std::fma(y, f, 1.0);
  return std::bit_cast<double>(std::bit_cast<std::int64_t>(y) + (std::bit_cast<std::int64_t>(shifted) << 52));
}

/// log2(x) for normal x > 0. x = 2^e m with m in [sqrt(1/2), sqrt(2)); log2(m) = 2/ln 2 * atanh((m - 1)/(m + 1)), whose series is
/// truncated below 1e-17.
[[nodiscard]] DUBFARM_PORTABLE double portable_log2(double x) {
  constexpr std::int64_t kSqrtHalfBits = 0x3FE6A09E667F3BCD;
  const std::int64_t bits = std::bit_cast<std::int64_t>(x);
  const std::int64_t e = (bits - kSqrtHalfBits) >> 52;
  const double m = std::bit_cast<double>(bits - (e << 52));
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double y = 1.0 / 21;
  y = std::fma(y, s2, 1.0 / 19);
  y = std::fma(y, s2, 1.0 / 17);
  y = std::fma(y, s2, 1.0 / 15);
  y = std::fma(y, s2, 1.0 / 13);
  y = std::fma(y, s2, 1.0 / 11);
  y = std::fma(y, s2, 1.0 / 9);
  y = std::fma(y, s2, 1.0 / 7);
  y = std::fma(y, s2, 1.0 / 5);
  y = std::fma(y, s2, 1.0 / 3);
  y = std::fma(y, s2, 1.0);
  return std::fma(2.8853900817779268, s * y, static_cast<double>(e));  // 2 / ln 2
}

/// sin(x * pi/2) for x in [-1, 1]; exact at -1, 0 and 1. Taylor series, truncated below 2e-18. cos(x * pi/2) is sin_half_pi(1 - |x|).
[[nodiscard]] DUBFARM_PORTABLE double sin_half_pi(double x) {
  const double x2 = x * x;
  double y = 0x1.2877020d52cf0p-52;  // (pi/2)^21 / 21!
  y = std::fma(y, x2, -0x1.8a404211f9547p-45);
  y = std::fma(y, x2, 0x1.aaec32af93359p-38);
  y = std::fma(y, x2, -0x1.6fadb9f155744p-31);
  y = std::fma(y, x2, 0x1.e8f434d018d63p-25);
  y = std::fma(y, x2, -0x1.e3074fde8871fp-19);
  y = std::fma(y, x2, 0x1.50783487ee782p-13);
  y = std::fma(y, x2, -0x1.32d2cce62bd86p-8);
  y = std::fma(y, x2, 0x1.466bc6775aae2p-4);
  y = std::fma(y, x2, -0x1.4abbce625be53p-1);
  y = std::fma(y, x2, 0x1.1a62633145c07p-54);  // pi/2 in two parts, this is the rest of
  return std::fma(x, 0x1.921fb54442d18p+0, x * y);
}

}  // namespace dubfarm
