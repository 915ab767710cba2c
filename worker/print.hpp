// Printing: stems' blobs summed into a programme's samples, quantised, measured as delivered, and written in place, range by range.
#pragma once
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/layout.hpp"
#include "common/media/output_file.hpp"
#include "common/mix/document.hpp"
#include "common/result.hpp"
#include "common/store/store.hpp"
#include "worker/buffers.hpp"
#include "worker/levelled_sum.hpp"
#include "worker/print_meters.hpp"
#include "worker/print_qc.hpp"
#include "worker/stage_times.hpp"
#include "worker/sync_pop.hpp"

namespace dubfarm::worker {

namespace gpu {
class DeviceRenderer;
struct PrintedRange;
}  // namespace gpu

struct PrintFileSpec {
  std::string path;           // final
  std::vector<int> channels;  // of the layout, in the order they are written
  std::string ixml{};         // text of its iXML chunk, or none
};
/// One programme: what is summed, how it is quantised, where it goes.
struct PrintSpec {
  int sample_rate = 48000;
  Frames length = 0;
  Layout layout = Layout::stereo;
  std::vector<PrintStem> stems;  // in the order of summation
  Levelling levelling;           // gain and limiter; by default neither
  mix::SampleType sample_type = mix::SampleType::int24;
  bool dither = true;
  struct DitherChain {
    std::string plus, minus;  // names; see kernels::ChainedDither
    bool is_first = false;
  };
  std::optional<DitherChain> dither_chain;  // in place of dither_name
  std::string dither_name;  // dither is a function of this, the channel and the position
  std::vector<PrintFileSpec> files;
  mix::FileFormat container = mix::FileFormat::wav;
  media::Bext bext;  // without loudness
  ExtraMeters extra_meters{};
  std::optional<QcSpec> qc{};
  Frames leader = 0, tail = 0;      // silence in the files before and after the timeline; nothing of it is measured
  std::vector<SyncPop> pops{};      // in them
};

/// Memory of one printing thread.
struct PrintScratch {
  SegmentCache* segments = nullptr;  // of all threads of a job: what several outputs hear is read once; null: by each anew
  gpu::DeviceRenderer* device = nullptr;  // works out ranges, where it has the memory; null: the CPU does
  StageTimes* times = nullptr;            // of the CPU's work; may be null
  BufferPool pool;
  Growing<double> sum;
  Growing<std::byte> bytes;
};

/// A print on its way. Threads: print_range() may run on many at once, on ranges that do not overlap; begin() comes before, finish() after.
class Print {
 public:
  explicit Print(PrintSpec spec);

  /// Makes the partial files, of full length. Called once, by whichever thread comes first to print_range(); safe to call again.
  Result<void> begin();
  /// Prints frames [first, first + count). `first` lies on kernels::group_frames(); so does the end, but for the last range.
  /// @return the blobs that are missing or corrupt (print the range again once they are back), or nothing: the range is written.
  /// Errors: what the files' and the store's folders say; Errc::backend_not_built where the scratch's device failed.
  Result<std::optional<LostBlobs>> print_range(const Store& store, Frames first, Frames count, PrintScratch& scratch);
  /// All ranges are in: the measurement, complete with the filters' ring after the last frame.
  [[nodiscard]] const PrintMeasurement& measurement() const { return measurement_; }
  [[nodiscard]] const QcMeasurement& qc() const { return qc_; }
  /// Writes headers with the measured loudness, and puts every file under its final name.
  /// @return SHA-256 of each file, in the order of PrintSpec::files.
  Result<std::vector<std::string>> finish(const media::Bext& bext);
  [[nodiscard]] const PrintSpec& spec() const { return spec_; }

 private:
  Result<std::optional<LostBlobs>> print_on_cpu(const Store& store, Frames first, Frames count, PrintScratch& scratch);
  Result<std::optional<LostBlobs>> take(gpu::PrintedRange range, Frames first, Frames count, StageTimes* times);
  void merge(const RangeMeters& meters, const std::optional<RangeQc>& qc, std::int64_t clipped, const LimiterFigures& limiter, Frames first);

  PrintSpec spec_;
  std::mutex mutex_;  // guards files_ while they are made, and measurement_
  std::vector<media::OutputFile> files_;
  std::optional<Error> begin_error_;
  PrintMeasurement measurement_;
  QcMeasurement qc_;
};

}  // namespace dubfarm::worker
