// Gains and azimuths that move, on the device: a thread for each frame.
#pragma once
#include "common/units.hpp"
#include "kernels/device/stream_handle.hpp"

namespace dubfarm::kernels::cuda {

/// A stretch of an automation between two points: value + slope * (frame - from), for frames up to `until`; slope 0 where it is held.
struct Line {
  Frames until = 0, from = 0;
  double value = 0, slope = 0;
};
/// The gains of kernels::GainCurve over frames [first, first + n).
struct GainRow {
  const Line* lines = nullptr;  // in decibels, ascending, the last one's `until` at or behind first + n (automation_tables.hpp)
  int line_count = 0;
  double add_db = 0;
  double* gain = nullptr;       // [n], linear
};
/// Tables are the device's, all pointers in them too. Bits: the CPU's.
struct GainRowsArgs {
  const GainRow* rows = nullptr;
  int count = 0;
  Frames first = 0, n = 0;
};
void gain_rows(const GainRowsArgs& args, StreamHandle stream);

/// a[i] *= b[i], for i in [0, n): a fader's curve times a pan's.
struct Product {
  double* a = nullptr;
  const double* b = nullptr;
};
struct ProductsArgs {
  const Product* products = nullptr;
  int count = 0;
  Frames n = 0;
};
void multiply_rows(const ProductsArgs& args, StreamHandle stream);

}  // namespace dubfarm::kernels::cuda
