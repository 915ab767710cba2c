// `dubfarm recut`: two cut lists of one picture become a change list, and a report of every boundary for the mixer.
#pragma once
#include <string>

namespace dubfarm::cli {

struct RecutOptions {
  std::string old_list, new_list;
  std::string output;          // the change list; empty: only the report
  std::string frame_rate;      // empty: the mix's, or what the lists say themselves
  std::string mix;             // empty: no mix to look at
  std::string inclusive_outs;  // "old", "new", "both": whose outs name the last frame; empty: neither
  double jump_db = 3;
  bool heal = true;
  bool json = false;
};

/// @return the exit status.
int run_recut(const RecutOptions& options);

}  // namespace dubfarm::cli
