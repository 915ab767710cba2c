// The tracks of a chunk program, ready to run block by block: clips, EQ, fader, pan and sends of every track into the sums of a block.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "common/program/program.hpp"
#include "common/result.hpp"
#include "kernels/eq/eq.hpp"
#include "worker/buffers.hpp"
#include "worker/sources.hpp"
#include "worker/track_routes.hpp"

namespace dubfarm::worker {

/// Frames equalised and summed at a time: 16 tracks and the accumulators of a stereo bus and send fit a core's L1 cache.
inline constexpr Frames kRenderBlock = 512;
/// Frames read at a time, so that a read costs more than its system call.
inline constexpr Frames kReadBlock = 8 * kRenderBlock;

/// The tracks of one or more programs. Programs run side by side: their tracks fill the lanes of one equaliser, which costs as much for 4
/// tracks as for 8; a lane's bits depend on its own input alone, so that company changes nothing.
/// Threads: one. Keeps references to the programs and the sources.
class TrackVoices {
 public:
  struct Part {
    const program::Program* program = nullptr;
    const SumLayout* layout = nullptr;
  };
  TrackVoices(std::span<const Part> parts, const Sources& sources);

  /// Where a block of one part's sums goes.
  struct Target {
    bool dry = true;            // false: only the reverbs' sums are wanted
    double* const* sums = nullptr;    // [SumLayout::sums][kRenderBlock], overwritten
    float* const* stored = nullptr;   // [SumLayout::sums], or null: then they do go to `sums`
    bool is_stored = false;           // set: the sums went straight to `stored`, as float32; `sums` hold nothing
  };
  /// Sums every track, in session order, over frames [first, first + n), n <= kRenderBlock. Blocks follow one another, each but the last of
  /// kRenderBlock frames; a part is over where its program ends, and its target is then left alone.
  Result<void> sum_block(Frames first, Frames n, std::span<Target> targets, SourceScratch& scratch);

 private:
  struct Voice {
    const program::Program* program = nullptr;
    const program::Track* track = nullptr;
    int channels = 1;
    Frames begin = 0;  // first clip's first frame
    std::vector<TrackRoutes::Level> levels;
    std::vector<TrackRoutes::Pan> pans;
    std::vector<TrackRoutes::Route> moving;
    [[nodiscard]] bool sounds(Frames first, Frames n) const { return first < program->length && first < track->end && first + n > begin; }
  };
  /// Voices of one part, next to each other in the session, that stand next to each other in a group.
  struct Slice {
    std::size_t part = 0;
    std::vector<Voice> voices;
    int lanes = 0;
    std::vector<double> coefs;  // [sums][lanes], of the routes that stand still
    bool moves = false;         // some voice has moving routes
    // Accumulators of a kind (bus or reverb) with equal coefficients are summed once:
    std::vector<double> distinct;  // [distinct rows][lanes]
    std::vector<int> row_of;       // of each accumulator among them
    int bus_rows = 0;              // rows below this are buses'
  };
  /// Lanes that are equalised together: up to 16 with static EQ, or one track with a moving band.
  struct Group {
    std::vector<Slice> slices;
    int first_lane = 0;  // among all lanes
    int lanes = 0;
    std::unique_ptr<kernels::EqBank> bank;
    std::unique_ptr<kernels::EqChain> chain;
  };
  void add_voice(std::size_t part, const program::Track& track);
  void prepare(Group& group);
  [[nodiscard]] float* lane(int index) { return lanes_.reserve(0) + static_cast<Frames>(index) * kReadBlock; }
  /// Reads frames [first, first + n) of every voice that sounds there into its lanes.
  Result<void> read_ahead(Frames first, Frames n, SourceScratch& scratch);
  Result<void> read_voice(const Voice& voice, Frames first, Frames n, float* const* x, SourceScratch& scratch);
  void mix_slice(const Slice& slice, Frames first, Frames n, float* const* x, int first_sum, double* const* sums);
  static void store_slice(const Slice& slice, Frames n, float* const* x, bool dry, float* const* stored);

  std::vector<Part> parts_;
  const Sources& sources_;
  Frames length_ = 0;  // of the longest part
  std::vector<Group> groups_;
  std::vector<int> slices_of_;  // how many slices each part has
  Growing<float> lanes_;        // [lanes of all voices][kReadBlock], then kMaxChannels more for a clip's samples before they are mixed in
  int lane_count_ = 0;
  Frames read_from_ = 0, read_until_ = 0;  // what the lanes hold
  std::vector<bool> is_active_;            // of the voices of the slice at hand
  Growing<double> curves_;  // [slots][kRenderBlock], and one for products
  int slots_ = 1;           // of the voice with the most
};

}  // namespace dubfarm::worker
