// Results that the scheduler has not acknowledged yet, each a file, so that a worker that crashes or is restarted still delivers them.
//
//   <folder>/<lease in 16 hex digits>.result   a frame header and a Result, as on the wire
//
// Threads: one at a time.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "common/result.hpp"
#include "common/wire/farm.pb.h"

namespace dubfarm::worker {

class ResultBox {
 public:
  /// Makes the folder, and takes in what an earlier run left there. A file that cannot be understood is deleted: its task is given out again.
  static dubfarm::Result<ResultBox> open(const std::string& folder);
  /// Keeps a result, in memory also where it cannot be written. @return what stood in the way of writing.
  dubfarm::Result<void> put(const wire::Result& result);
  /// The scheduler has it.
  void acknowledged(std::uint64_t lease);
  [[nodiscard]] const std::map<std::uint64_t, wire::Result>& results() const { return results_; }  // by lease

 private:
  explicit ResultBox(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::string path_of(std::uint64_t lease) const;
  std::string folder_;
  std::map<std::uint64_t, wire::Result> results_;
};

}  // namespace dubfarm::worker
