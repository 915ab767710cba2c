// The blobs of several stems, opened for one range of the timeline and summed.
#pragma once
#include <span>
#include <vector>

#include "common/layout.hpp"
#include "common/program/program.hpp"
#include "common/result.hpp"
#include "common/store/store.hpp"

namespace dubfarm::worker {

struct PrintPlacement {
  Frames first = 0, length = 0;  // on the timeline
  program::Key key;
  bool is_read_again = false;  // soon: by other prints of the job, or by this one
};
struct PrintStem {
  std::vector<PrintPlacement> placements;  // ascending; silence between them
  Matrix matrix;                           // [output channels][stem channels], levels included
  bool is_speech = false;                  // opens the dialogue gate
};

/// The blobs that a range needed and did not find intact: to be rendered again.
struct LostBlobs { std::vector<program::Key> keys; };

/// Lives on one thread. The stems outlive it.
class RangeInputs {
 public:
  /// Opens what sounds in [first, end). What is missing or corrupt goes into lost(). @param segments  where what is read again is kept; may be null
  Result<void> open(const Store& store, SegmentCache* segments, const std::vector<PrintStem>& stems, Frames first, Frames end);
  /// out[o][i] = sum over stems and their channels, in order, of gain * matrix * sample, for frames [first, first + count).
  /// @param only_speech  of the speech stems only
  Result<void> sum(const Store& store, double gain, Frames first, Frames count, int channels, double* const* out, bool only_speech = false);

  /// A channel of a blob, as far as it is heard in a range of the timeline.
  struct Lane {
    std::size_t input;   // whose blob
    const PrintStem* stem;
    int channel;         // of the stem
    Frames first, end;   // on the timeline
  };
  /// What is heard in frames [first, end), in the order of summation.
  [[nodiscard]] std::vector<Lane> lanes(Frames first, Frames end, bool only_speech = false) const;
  /// Frames [first, ...) of a lane, one at least and at most up to `end`; valid until the next view of this lane. Empty: the blob is lost, see lost().
  Result<std::span<const float>> view(const Store& store, const Lane& lane, Frames first, Frames end) { return view(store, inputs_[lane.input], lane.channel, first, end); }
  /// Whether any speech stem sounds in the range.
  [[nodiscard]] bool has_speech() const;
  [[nodiscard]] LostBlobs& lost() { return lost_; }

 private:
  struct Input {
    const PrintStem* stem;
    const PrintPlacement* place;
    BlobReader blob;
  };
  struct Heard {
    const Matrix* matrix;
    int channel;
    const float* samples;
  };
  Result<std::span<const float>> view(const Store& store, Input& input, int channel, Frames first, Frames end);
  Result<void> note_lost(const Store& store, const PrintPlacement& place, const Error& error);

  std::vector<Input> inputs_;  // stems in order, so sums are too
  std::vector<Heard> heard_;
  std::vector<const float*> lanes_;
  std::vector<double> gains_;
  LostBlobs lost_;
};

}  // namespace dubfarm::worker
