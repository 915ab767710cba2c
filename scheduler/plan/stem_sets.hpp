// Stem sets and the printmasters that they add up to.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/mix/document.hpp"
#include "scheduler/plan/plan.hpp"

namespace dubfarm::plan {

/// The stems of one version of a per-bus deliverable that follows another, to be held against it.
struct StemSet {
  std::size_t version = 0, deliverable = 0;  // indices into the document
  std::size_t master = 0;                    // index into Plan::prints
  std::vector<std::size_t> stems;            // indices into Plan::prints, in the master's order of summation; same_as is resolved
  std::vector<Matrix> matrices;              // [stems]: how the master takes each in
  double allowed = 0;                        // largest difference, full scale is 1
};

/// The sets of which all prints are in the plan. A follower whose stems are not those of its printmaster is none: it cannot add up to it.
[[nodiscard]] std::vector<StemSet> stem_sets(const mix::Document& document, const Plan& plan);

/// Whether the dither of a set can be chained: stems and printmaster are dithered to the same number of bits, and the printmaster is the plain
/// sum of its stems, channel by channel. A property of the document alone.
[[nodiscard]] bool has_chained_dither(const mix::Document& document, const mix::Deliverable& stems);

}  // namespace dubfarm::plan
