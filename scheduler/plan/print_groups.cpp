#include "scheduler/plan/print_groups.hpp"

#include <numeric>

#include "scheduler/plan/stem_sets.hpp"

namespace dubfarm::plan {

std::vector<std::vector<std::size_t>> print_groups(const mix::Document& document, const Plan& plan) {
  std::vector<std::size_t> earlier(plan.prints.size());  // a print of the same group, never a later one; the first of a group: itself
  std::iota(earlier.begin(), earlier.end(), std::size_t{0});
  const auto first_of = [&](std::size_t print) {
    while (earlier[print] != print) print = earlier[print] = earlier[earlier[print]];
    return print;
  };
  const auto join = [&](std::size_t a, std::size_t b) {
    a = first_of(a), b = first_of(b);
    earlier[std::max(a, b)] = std::min(a, b);
  };
  std::vector<std::optional<std::size_t>> taker(plan.masters.size());
  for (std::size_t p = 0; p < plan.prints.size(); ++p) {
    const Print& print = plan.prints[p];
    if (print.same_as) join(p, *print.same_as);
    if (!print.master) continue;
    if (taker[*print.master]) join(p, *taker[*print.master]);
    taker[*print.master] = p;
  }
  for (const StemSet& set : stem_sets(document, plan))
    for (const std::size_t stem : set.stems) join(set.master, stem);

  std::vector<std::vector<std::size_t>> groups;
  std::vector<std::size_t> group_of(plan.prints.size());
  for (std::size_t p = 0; p < plan.prints.size(); ++p) {
    const std::size_t first = first_of(p);
    if (first == p) {
      group_of[p] = groups.size();
      groups.emplace_back();
    }
    groups[group_of[first]].push_back(p);
  }
  return groups;
}

}  // namespace dubfarm::plan
