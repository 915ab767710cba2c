// The tracks of a chunk program, ready to run block by block: clips, EQ, fader, pan and sends of every track into the sums of a block.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "common/program/program.hpp"
#include "common/result.hpp"
#include "kernels/automation/automation.hpp"
#include "kernels/eq/eq.hpp"
#include "kernels/pan/pan.hpp"
#include "worker/buffers.hpp"
#include "worker/sources.hpp"

namespace dubfarm::worker {

/// Where a program's nodes sum their inputs: one double accumulator for every channel of every bus, then for every input of every reverb.
struct SumLayout {
  explicit SumLayout(const program::Program& program);
  std::vector<int> bus_first;     // accumulator of each bus's first channel
  std::vector<int> reverb_first;  // and of each reverb's first input
  int bus_sums = 0;               // accumulators below this are buses'
  int sums = 0;                   // all of them
};

/// Frames summed at a time. A block of 16 tracks and its accumulators fit a core's L2 cache.
inline constexpr Frames kRenderBlock = 4096;

/// Threads: one. Keeps references to the program and the sources.
class TrackVoices {
 public:
  TrackVoices(const program::Program& program, const SumLayout& layout, const Sources& sources);

  /// Adds every track, in session order, over frames [first, first + n), n <= kRenderBlock, to the accumulators: sums[SumLayout::sums][n].
  /// Blocks must follow one another. Where `dry` is false only the reverbs' accumulators are added to.
  /// @return false where no track sounds in the block.
  Result<bool> add_block(Frames first, Frames n, bool dry, double* const* sums, SourceScratch& scratch);

 private:
  /// One channel of a track into one accumulator: coef times the product of the voice's curves (none: the coefficient alone).
  struct Route {
    int sum = 0;
    int lane = 0;  // channel of the track
    double coef = 0;
    std::vector<int> curves;  // indices into Voice::curve_values
  };
  /// A gain that moves: a level's, or one channel of a pan's. The slot says where its values of this block lie.
  struct Level { kernels::GainCurve curve; int slot; };
  struct Pan { kernels::PanCurve curve; std::vector<int> slots; };
  struct Voice {
    const program::Track* track = nullptr;
    int channels = 1;
    Frames begin = 0;  // first clip's first frame
    std::vector<Level> levels;
    std::vector<Pan> pans;
    std::vector<Route> moving;
  };
  /// Tracks next to each other in the session that are equalised together: up to 16 channels with static EQ, or one track with a moving band.
  struct Group {
    std::vector<Voice> voices;
    int lanes = 0;
    std::vector<double> coefs;  // [sums][lanes], of the routes that stand still
    std::unique_ptr<kernels::EqBank> bank;
    std::unique_ptr<kernels::EqChain> chain;
    bool moves = false;  // some voice has moving routes
  };
  void add_voice(const program::Track& track);
  Result<void> read_voice(const Voice& voice, Frames first, Frames n, float* const* x, SourceScratch& scratch);
  void mix_group(Group& group, Frames first, Frames n, int first_sum, const std::vector<bool>& is_active, double* const* sums);

  const program::Program& program_;
  const SumLayout& layout_;
  const Sources& sources_;
  std::vector<Group> groups_;
  Growing<float> lanes_;   // [16][block], then [12][block] for a clip's samples before they are mixed in
  Growing<double> curves_;  // [slots][block], and one for products
  int slots_ = 1;           // of the voice with the most
};

}  // namespace dubfarm::worker
