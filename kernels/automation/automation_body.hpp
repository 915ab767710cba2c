// Plain loops, which g++ turns into vector code for the file that includes them.
#pragma once
#include "kernels/automation/automation_ops.hpp"
#include "kernels/core/math.hpp"

namespace dubfarm::kernels::automation_ops {
namespace {

void ramp(double db, double db_per_frame, Frames offset, double add_db, Frames n, double* gain_linear) {
  constexpr int kBlock = 1024;  // counted in int, whose conversion to double every instruction set has
  for (Frames done = 0; done < n; done += kBlock) {
    const double origin = static_cast<double>(offset + done);
    const int count = static_cast<int>(n - done < kBlock ? n - done : kBlock);
    double* out = gain_linear + done;
    for (int i = 0; i < count; ++i) out[i] = gain_from_db(std::fma(db_per_frame, origin + static_cast<double>(i), db) + add_db);
  }
}

void fill(double value, Frames n, double* out) {
  for (Frames i = 0; i < n; ++i) out[i] = value;
}

constexpr Ops kOps = {ramp, fill};

}  // namespace
}  // namespace dubfarm::kernels::automation_ops
