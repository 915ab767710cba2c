// `dubfarm measure FILE...`: loudness and peaks of finished files.
#pragma once
#include <string>
#include <vector>

#include "common/mix/document.hpp"

namespace dubfarm::cli {

/// Measures each file that libsndfile opens and prints a table on stdout, or with `json` a list of
/// {"file", "channels", "sample_rate", "layout", "loudness": {"integrated_lufs", "range_lu", "max_momentary_lufs", "max_short_term_lufs",
/// "true_peak_dbtp", "sample_peak_dbfs"}}, null where a value does not exist. The layout is guessed from the channel count
/// (1, 2, 6, 8, 12); with any other, every channel has weight 1 and a note on stderr says so.
/// A file that cannot be read or holds samples that are no finite numbers is reported on stderr; the others are measured all the same.
/// @param order    of the channels in files of 6 and 8 channels; nothing in a file tells it, and its LFE counts for nothing.
/// @param threads  0: one for each processor.
/// @return exit status: 0, or 2 if any file failed.
int run_measure(const std::vector<std::string>& files, bool json, mix::ChannelOrder order, int threads);

}  // namespace dubfarm::cli
