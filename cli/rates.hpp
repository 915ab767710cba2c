// How fast this machine has been, remembered in the store, and what a plan takes at that pace.
#pragma once
#include <optional>
#include <string>

#include "common/program/program.hpp"
#include "common/result.hpp"
#include "common/store/store.hpp"

namespace dubfarm::cli {

/// Work done and the time that threads took for it; added up over threads.
struct WorkDone {
  double render_work = 0, render_thread_seconds = 0;  // render_work() of the chunks
  double print_work = 0, print_thread_seconds = 0;    // channel-seconds
};

/// Work a second of one thread.
struct Rates {
  double render = 0, print = 0;
};

/// What a chunk takes, in seconds of one clip channel: what its clips play, pre-roll included, and twice what its reverbs give.
[[nodiscard]] double render_work(const program::Program& program);

/// The rates of this machine; nothing where it has not rendered into this store yet.
[[nodiscard]] std::optional<Rates> load_rates(const Store& store);
/// Takes one more render into account: half old, half new. Work too short to time changes nothing.
Result<void> save_rates(const Store& store, const WorkDone& done);

}  // namespace dubfarm::cli
