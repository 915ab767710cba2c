// Quality control of a print, range by range: what kernels/qc finds, in a form that does not depend on how the print is cut.
#pragma once
#include <vector>

#include "common/layout.hpp"
#include "kernels/qc/qc.hpp"

namespace dubfarm::worker {

/// What is looked for.
struct QcSpec {
  float step = 0;                    // what dither moves a silent sample by, see kernels::find_dropouts()
  std::vector<Frames> seams, edits;  // ascending: where chunks meet, where clips begin or end
};

struct FoundDropout {
  kernels::Dropout what;
  int channel = 0;
  auto operator<=>(const FoundDropout& other) const { return std::pair(what.at, channel) <=> std::pair(other.what.at, other.channel); }
  bool operator==(const FoundDropout& other) const { return (*this <=> other) == 0; }
};
struct FoundClick {
  kernels::Click what;
  int channel = 0;
  bool is_seam = false;  // no clip begins or ends there: two chunks meet
  auto operator<=>(const FoundClick& other) const { return std::pair(what.at, channel) <=> std::pair(other.what.at, other.channel); }
  bool operator==(const FoundClick& other) const { return (*this <=> other) == 0; }
};

/// Every range in.
struct QcMeasurement {
  std::vector<kernels::PairSums> pairs;  // stereo: [groups of 2 s], left and right
  std::vector<kernels::SlopeSums> lfe;   // layouts with an LFE: [groups of 2 s]
  std::vector<FoundDropout> dropouts;    // by time, once sort() was called
  std::vector<FoundClick> clicks;
  void sort();
};
[[nodiscard]] QcMeasurement empty_qc(Layout layout, Frames frames, int sample_rate);

/// One range's part.
class RangeQc {
 public:
  /// @param channels  planar, of the layout; kernels::history_frames() are readable before each. The range begins on a group.
  RangeQc(const QcSpec& spec, Layout layout, const float* const* channels, Frames first, Frames count, int sample_rate);
  /// Not for two threads at once.
  void merge_into(QcMeasurement& measurement) const;

 private:
  std::size_t first_group_;
  std::vector<kernels::PairSums> pairs_;
  std::vector<kernels::SlopeSums> lfe_;
  std::vector<FoundDropout> dropouts_;
  std::vector<FoundClick> clicks_;
};

}  // namespace dubfarm::worker
