// Where one track's samples go: every route from its channels into the sums of buses and reverbs, with its gain. What the CPU and the GPU
// both sum by.
#pragma once
#include <vector>

#include "common/program/program.hpp"
#include "kernels/automation/automation.hpp"
#include "kernels/pan/pan.hpp"

namespace dubfarm::worker {

/// Where a program's nodes sum their inputs: one accumulator for every channel of every bus, then for every input of every reverb.
struct SumLayout {
  explicit SumLayout(const program::Program& program);
  std::vector<int> bus_first;     // accumulator of each bus's first channel
  std::vector<int> reverb_first;  // and of each reverb's first input
  int bus_sums = 0;               // accumulators below this are buses'
  int sums = 0;                   // all of them
};

/// Channels that a reverb takes in.
[[nodiscard]] int inputs_of(const program::Reverb& reverb);

struct TrackRoutes {
  /// One channel of a track into one accumulator: coef times the product of the track's curves (none: the coefficient alone).
  struct Route {
    int sum = 0;
    int lane = 0;  // channel of the track
    double coef = 0;
    std::vector<int> curves;  // slots of the curves, multiplied in this order
  };
  /// A gain that moves: a level's, or one channel of a pan's. The slot numbers its values.
  struct Level { kernels::GainCurve curve; int slot; const mix::Automation* db; };
  struct Pan { kernels::PanCurve curve; std::vector<int> slots; Layout bus; };  // of the track's azimuth; a slot a channel of curve.channels()

  TrackRoutes(const program::Program& program, const program::Track& track, const SumLayout& layout);

  std::vector<Level> levels;
  std::vector<Pan> pans;
  std::vector<Route> still;   // without curves; two of one channel into one accumulator add up
  std::vector<Route> moving;  // summed after those that stand still, in this order
  int slots = 0;
};

}  // namespace dubfarm::worker
