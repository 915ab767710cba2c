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

/// Frames equalised and summed at a time: 16 tracks and the accumulators of a stereo bus and send fit a core's L1 cache.
inline constexpr Frames kRenderBlock = 512;
/// Frames read at a time, so that a read costs more than its system call.
inline constexpr Frames kReadBlock = 8 * kRenderBlock;

/// Threads: one. Keeps references to the program and the sources.
class TrackVoices {
 public:
  TrackVoices(const program::Program& program, const SumLayout& layout, const Sources& sources);

  /// Adds every track, in session order, over frames [first, first + n), n <= kRenderBlock, to the accumulators: sums[SumLayout::sums][n].
  /// Blocks follow one another, each but the last of kRenderBlock frames. Where `dry` is false only the reverbs' accumulators are added to.
  Result<void> add_block(Frames first, Frames n, bool dry, double* const* sums, SourceScratch& scratch);

 private:
  /// One channel of a track into one accumulator: coef times the product of the voice's curves (none: the coefficient alone).
  struct Route {
    int sum = 0;
    int lane = 0;  // channel of the track
    double coef = 0;
    std::vector<int> curves;  // slots of the curves
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
    int first_lane = 0;  // among all lanes of the program
    int lanes = 0;
    std::vector<double> coefs;  // [sums][lanes], of the routes that stand still
    std::unique_ptr<kernels::EqBank> bank;
    std::unique_ptr<kernels::EqChain> chain;
    bool moves = false;  // some voice has moving routes
  };
  void add_voice(const program::Track& track);
  [[nodiscard]] float* lane(int index) { return lanes_.reserve(0) + static_cast<Frames>(index) * kReadBlock; }
  /// Reads frames [first, first + n) of every voice that sounds there into its lanes.
  Result<void> read_ahead(Frames first, Frames n, SourceScratch& scratch);
  Result<void> read_voice(const Voice& voice, Frames first, Frames n, float* const* x, SourceScratch& scratch);
  void mix_group(Group& group, Frames first, Frames n, float* const* x, int first_sum, double* const* sums);

  const program::Program& program_;
  const SumLayout& layout_;
  const Sources& sources_;
  std::vector<Group> groups_;
  Growing<float> lanes_;    // [lanes of all voices][kReadBlock], then kMaxChannels more for a clip's samples before they are mixed in
  int lane_count_ = 0;
  Frames read_from_ = 0, read_until_ = 0;  // what the lanes hold
  std::vector<bool> is_active_;            // of the voices of the group at hand
  Growing<double> curves_;  // [slots][kRenderBlock], and one for products
  int slots_ = 1;           // of the voice with the most
};

}  // namespace dubfarm::worker
