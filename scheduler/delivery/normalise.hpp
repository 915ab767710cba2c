// Which static gain brings a programme to the loudness of its spec. The limiter works behind the gain and takes loudness away, so where it
// works the answer is found by measuring again, with gain and limiter in place. Pure: measuring is the caller's.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "common/mix/document.hpp"
#include "scheduler/delivery/check.hpp"
#include "scheduler/delivery/loudness.hpp"
#include "scheduler/delivery/spec.hpp"

namespace dubfarm::scheduler {

inline constexpr double kNormaliseWithinLu = 0.02;     // a search is over when it is this close to its target
inline constexpr int kNormaliseRounds = 8;             // measurements with the limiter at work, at most
inline constexpr double kUsualMaxReductionDb = 6.0;    // of a limiter behind a normalisation gain, where the mix does not say

/// The loudness that is aimed at.
struct LevelTarget {
  Gating gating = Gating::program;
  double lufs = 0;
  bool operator==(const LevelTarget&) const = default;
};
/// What `normalize` aims at in a mix with this share of speech (absent: there is no dialogue stem): the first rule of that gating which
/// applies and has a target. Where a dialogue rule is asked for and none applies, because too little is spoken, the first that does.
/// Nothing where the spec has no such rule.
[[nodiscard]] std::optional<LevelTarget> level_target(mix::Normalize normalize, const Spec& spec, std::optional<double> speech_share);

/// Positioned errors for every deliverable whose `normalize` its spec cannot answer, and for limiters whose ceiling is above what the spec allows.
void check_level_targets(const mix::Document& document, SpecTable& specs);

/// What a search found.
struct GainAnswer {
  std::optional<LevelTarget> target;  // absent: nothing to aim at
  bool is_silent = false;             // there is no loudness: the gain is 0 dB
  double gain_db = 0, lufs = 0;       // lufs: at that gain
  double true_peak_dbtp = -300;       // of the sum as it is
};

/// One search for a gain.
class GainSearch {
 public:
  struct Limits {
    std::optional<double> ceiling_dbtp;     // of the limiter; none: there is no limiter
    double max_reduction_db = 0;            // that it may take off
    std::optional<double> max_true_peak_dbtp;  // that the spec allows; where there is no limiter, the gain stops there
  };
  GainSearch(mix::Normalize normalize, Spec spec, Limits limits) : normalize_(normalize), spec_(std::move(spec)), limits_(limits) {}

  /// What the sum would read behind a gain and without a limiter, from what was measured of it. Loudness does not simply follow the gain:
  /// quiet passages come above the absolute gate of -70 LUFS or fall below it.
  using ReadingBehind = std::function<LoudnessReading(double gain_db)>;

  /// Takes in the first reading: that of the sum as it is.
  /// @return whether the search is over: gain_db() is the answer, and outcome() says what became of it. Else measure again at gain_db(), with
  ///         gain and limiter, and go on with take().
  bool begin(const ReadingBehind& behind);
  /// Takes in the reading at gain_db(). @return as begin()
  bool take(const LoudnessReading& reading);

  /// The answer of a search that is over, and a search that is over by such an answer: gain_db() and outcome() are as they were.
  [[nodiscard]] GainAnswer answer() const { return {target_, is_silent_, gain_db_, lufs_, true_peak_dbtp_}; }
  void restore(const GainAnswer& answer);

  [[nodiscard]] double gain_db() const { return gain_db_; }
  /// The check "normalisation": passed where the target is met. `subject` begins its sentence.
  [[nodiscard]] Check outcome(const std::string& subject) const;

 private:
  [[nodiscard]] std::optional<double> value_of(const LoudnessReading& reading) const;
  [[nodiscard]] double highest_gain_db() const;
  void solve_without_limiter(const ReadingBehind& behind);

  mix::Normalize normalize_;
  Spec spec_;
  Limits limits_;
  std::optional<LevelTarget> target_;
  int rounds_ = 0;                    // readings taken with the limiter
  bool is_silent_ = false;
  double gain_db_ = 0, lufs_ = 0;     // at gain_db_, measured or (where the limiter is idle) computed
  double true_peak_dbtp_ = -300;      // of the sum as it is
  std::optional<double> last_gain_db_, last_lufs_;
};

/// The check "limiter": that it took off no more than it may (absent: all that it can), and that no peak needed more than it can.
[[nodiscard]] Check limiter_check(const std::string& subject, double max_reduction_db, std::optional<double> allowed_db);

}  // namespace dubfarm::scheduler
