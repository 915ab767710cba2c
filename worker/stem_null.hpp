// Whether delivered stems add up to their delivered printmaster: their files read back, summed, and held against it.
#pragma once
#include <string>
#include <vector>

#include "common/layout.hpp"
#include "common/result.hpp"
#include "common/units.hpp"

namespace dubfarm::worker {

/// The files of one print as they were written.
struct DeliveredSound {
  struct File {
    std::string path;
    std::vector<int> channels;  // of the layout, in the file's order
  };
  Layout layout = Layout::stereo;
  std::vector<File> files;
};

/// The largest |master - sum over stems of matrix * stem| over frames [first, first + count); full scale is 1.
/// @param matrices  [stems]: [master channels][stem channels].
/// Errors: Errc::io_error where a file cannot be read back.
Result<double> largest_difference(const DeliveredSound& master, const std::vector<DeliveredSound>& stems, const std::vector<Matrix>& matrices, Frames first,
                                  Frames count);

}  // namespace dubfarm::worker
