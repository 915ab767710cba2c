// What outputs must show of each other: stems that add up to their printmaster, and M&Es that no dialogue reaches.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/mix/document.hpp"
#include "common/store/store.hpp"
#include "scheduler/delivery/check.hpp"
#include "scheduler/plan/plan.hpp"
#include "scheduler/plan/stem_sets.hpp"

namespace dubfarm::cli {

/// Document and plan outlive it. Threads: measure() may run on many at once.
class StemSums {
 public:
  /// @param prints  of each print whether it belongs to this run; sets with one that does not are none.
  StemSums(const mix::Document& document, const plan::Plan& plan, const std::vector<bool>& prints, std::string output_folder);

  /// The sets whose difference is not known yet: those to be compared.
  [[nodiscard]] const std::vector<plan::StemSet>& sets() const { return open_; }
  /// Takes the differences that the store remembers of sets made of the same prints; none unless `is_asked`. @param keys  of all prints that belong to this run.
  void recall(const Store& store, const std::vector<program::Key>& keys, bool is_asked);
  /// All ranges compared: the store remembers. Errors: no_space, io_error.
  Result<void> remember(const Store& store) const;
  /// Holds a range of the delivered files of a set (of sets()) against its printmaster's: TaskKind::compare.
  Result<void> measure(std::size_t set, Frames first, Frames count);
  /// All ranges compared: the check "stem_null" of every set of a printmaster; and of an M&E "free_of_dialogue".
  [[nodiscard]] std::vector<scheduler::Check> checks(const plan::Print& print) const;

 private:
  [[nodiscard]] scheduler::Check null_check(std::size_t set, const plan::Print& master) const;

  const mix::Document& document_;
  const plan::Plan& plan_;
  std::string folder_;
  std::vector<plan::StemSet> sets_, open_;
  std::vector<std::size_t> open_index_;   // of open_ among sets_
  std::vector<program::Key> keys_;        // of sets_; empty before recall()
  std::mutex mutex_;
  std::vector<double> differences_;  // [sets]: the largest so far
};

}  // namespace dubfarm::cli
