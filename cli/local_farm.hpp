// A farm of one process: the planner's tasks, a state of their own and the worker, on the threads of this machine. `dubfarm render` is this; so is a print task of
// the farm's workers (docs/decisions/0014).
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "cli/backend.hpp"
#include "cli/delivered.hpp"
#include "cli/rates.hpp"
#include "common/mix/document.hpp"
#include "common/result.hpp"
#include "common/store/store.hpp"
#include "scheduler/delivery/report.hpp"
#include "scheduler/delivery/spec.hpp"
#include "scheduler/plan/plan.hpp"
#include "worker/stage_times.hpp"

namespace dubfarm::worker::gpu {
class DeviceRenderer;
}

namespace dubfarm::cli {

/// How far a render is. Times are in seconds; `audio` counts chunk lengths.
struct RenderProgress {
  double elapsed_seconds = 0;
  std::size_t chunks_total = 0, chunks_rendered = 0, chunks_reused = 0;
  double audio_total_seconds = 0, audio_done_seconds = 0;  // of the chunks that this run renders
  std::size_t ranges_total = 0, ranges_done = 0;
};

/// What a run keeps of blobs that several outputs hear, in bytes: 16 s of four stems in 5.1 take 74 MB, a quarter of which is each version's own.
inline constexpr std::size_t kSegmentsLimit = std::size_t{128} << 20;

struct FarmOptions {
  int threads = 1;
  std::function<int()> threads_now;  // how many of them may work at this moment, at least 1; asked before every task, from any thread. Empty: all
  std::string output_folder;
  const Backend* backend = nullptr;  // null: the CPU
  std::function<std::shared_ptr<worker::gpu::DeviceRenderer>()> device_now;  // what works out the next range of a print, held while it does; null: `backend`. May be empty
  worker::StageTimes* times = nullptr;  // how long each stage was busy; may be null
  SegmentCache* segments = nullptr;     // of blobs that several outputs hear, where runs have them in common; null: the run's own
  const std::set<program::Key>* expected = nullptr;  // chunks that an earlier render left in the store: the report counts those that are gone
  const std::vector<std::size_t>* only_prints = nullptr;  // indices into Plan::prints, ascending: these alone are printed, compared and reported; null: all
  ReuseOutputs reuse = ReuseOutputs::by_stamp;  // of outputs that an earlier run printed (cli/delivered.hpp)
  const scheduler::SpecTable* specs = nullptr;  // of the document's deliverables, without errors; null: nothing is checked
  std::function<void(const RenderProgress&)> on_progress;  // may be called from any thread, one at a time; may be empty
  std::function<void(const std::string&)> on_warning;  // the same; what is to be said and stops nothing
  WorkDone* work = nullptr;  // filled with what was done and how long it took; may be null
  std::atomic<bool>* stop = nullptr;  // never null; set by the user's Ctrl-C, or by the first error: work ends soon after
};

/// Prints every output that is not there already, from chunks that are rendered where the store does not have them, and reports on all. Outputs appear
/// whole or not at all. A print is there where the store has a record of one with the same key whose files stand in the output folder unaltered, or can
/// be copied into it; what only such prints need is neither rendered nor measured.
/// With only_prints: what those ask for. Stem sets of which some print is left out are not compared (scheduler/plan/print_groups.hpp keeps them together).
/// Errors: Errc::invalid_input (a source broken or changed), Errc::no_space, Errc::io_error, Errc::cancelled, Errc::backend_not_built (the device
/// that the backend names failed).
Result<scheduler::Report> run_locally(const mix::Document& document, const plan::Plan& plan, const Store& store, const FarmOptions& options);

/// What run_locally() would do, by what the store and the file system say now. Nothing is written.
struct RenderOutlook {
  std::size_t prints_total = 0, prints_reused = 0;
  std::size_t chunks_total = 0, chunks_reused = 0;
  double seconds_to_render = 0;  // of audio
};
Result<RenderOutlook> look_ahead(const mix::Document& document, const plan::Plan& plan, const Store& store, const FarmOptions& options);

}  // namespace dubfarm::cli
