// Mixes by chance: everything that the format offers, in small, never the same twice, always the same for a seed.
#pragma once
#include "tests/support/mix_folder.hpp"

namespace dubfarm::testing {

struct RandomMixOptions {
  double seconds = 6;
  int tracks = 9;
  bool has_moving_eq = true;
  bool has_recuts = false;
};

/// Writes media into `folder` and makes a mix of it: five buses in three layouts, two of them nested; reverbs of both kinds; tracks of one,
/// two and six channels with EQ of every type, still and moving; two versions (one recorded in another language, muted and adjusted);
/// with has_recuts a third, "v2", cut anew;
/// float deliverables by fold-down, levels and a matrix of their own, and every stem apart.
[[nodiscard]] Json random_mix(unsigned seed, const MixFolder& folder, const RandomMixOptions& options = {});

}  // namespace dubfarm::testing
