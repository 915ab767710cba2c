// `dubfarm measure FILE...`: loudness, peaks and the rest of finished files, and what a delivery spec says of them.
#pragma once
#include <string>
#include <vector>

#include "common/mix/document.hpp"

namespace dubfarm::cli {

struct MeasureOptions {
  std::vector<std::string> files;
  std::string spec;      // name of a delivery spec, or path of one's own; empty: nothing is judged
  std::string dialogue;  // file of the dialogue stem, as long as the files; empty: none is known
  bool leqm = false;     // measures Leq(m) too; it is measured in any case where the spec limits it
  mix::ChannelOrder order = mix::ChannelOrder::smpte;  // of the channels in files of 6 and 8; nothing in a file tells it
  bool json = false;
  int threads = 0;       // 0: usable_processors()
};

/// Measures each file that libsndfile opens and prints a table on stdout, or with `json` a list of {"file", "channels", "sample_rate", "layout",
/// "clipped_samples", "loudness"} and, where a spec is given, {"spec", "checks", "pass"}: these as in docs/formats/report.schema.json. The
/// layout is guessed from the channel count (1, 2, 6, 8, 12); with any other, every channel has weight 1 and a note on stderr says so.
/// Samples at full scale count as clipped. A file that cannot be read, holds samples that are no finite numbers, or does not fit the dialogue
/// stem is reported on stderr; the others are measured all the same.
/// @return exit status: 0; 1 if a check failed; 2 if a file, the spec or the dialogue stem could not be used.
int run_measure(const MeasureOptions& options);

}  // namespace dubfarm::cli
