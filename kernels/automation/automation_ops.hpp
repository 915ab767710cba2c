// Inside automation: what is compiled once per instruction set.
#pragma once
#include "common/units.hpp"

namespace dubfarm::kernels::automation_ops {

struct Ops {
  /// gain_linear[i] = gain_from_db(fma(db_per_frame, offset + i, db) + add_db), for i in [0, n).
  void (*ramp)(double db, double db_per_frame, Frames offset, double add_db, Frames n, double* gain_linear);
  void (*fill)(double value, Frames n, double* out);
};
extern const Ops kGenericOps, kAvx2Ops, kAvx512Ops;

}  // namespace dubfarm::kernels::automation_ops
