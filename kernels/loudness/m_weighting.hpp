// M-weighting (ISO 21727:2016, table 1), the frequency weighting of Leq(m): the curve of ITU-R BS.468-4 with 0 dB moved from 1 to 2 kHz,
// 5.6 dB down. Threads: every function here is pure and may run on any thread.
#pragma once
#include "kernels/loudness/loudness.hpp"

namespace dubfarm::kernels {

/// H(z) = (b0 + b1 z^-1 + b2 z^-2 + b3 z^-3) / product over i of (1 + a[i][0] z^-1 + a[i][1] z^-2).
struct MWeighting { double b[4] = {1, 0, 0, 0}; double a[3][2] = {}; };

/// The poles of the analogue network of BS.468-4, each moved to exp(pole / sample_rate); its zero at 0 Hz; and two zeros more that bring the
/// magnitude back to the network's: within 0.3 dB up to 20 kHz at 44.1 kHz, 0.15 dB at 48 kHz, 0.01 dB at 96 kHz.
/// @param sample_rate  Hz, above 16000.
[[nodiscard]] MWeighting design_m_weighting(int sample_rate);

/// Gain of the analogue network at `hertz`, linear. Source: BS.468-4, annex 1, figure 1a, as a ratio of polynomials; 18.2 - 5.6 dB.
[[nodiscard]] double m_weighting_gain(double hertz);

/// subblock_energies() with this weighting in the place of K: the same arguments, grid and history, the same bits on every Isa.
void m_weighted_energies(const float* const* channels, int channel_count, Frames count, int sample_rate, double* energy, Frames stride,
                         Isa isa = best_isa());

}  // namespace dubfarm::kernels
