#include "scheduler/plan/stem_sets.hpp"

#include <algorithm>
#include <cmath>

#include "common/mix/resolve.hpp"

namespace dubfarm::plan {
namespace {

/// One quantisation step; of float the last bit of a sample that is a little above full scale.
double step_of(const mix::Deliverable& deliverable) {
  switch (deliverable.sample_type) {
    case mix::SampleType::int16: return 0x1p-15;
    case mix::SampleType::int24: return 0x1p-23;
    case mix::SampleType::int32: return 0x1p-31;
    case mix::SampleType::float32: return 0x1p-22;
  }
  return 0;
}

bool is_identity(const Matrix& matrix) {
  if (matrix.rows != matrix.columns) return false;
  for (int r = 0; r < matrix.rows; ++r)
    for (int c = 0; c < matrix.columns; ++c)
      if (matrix.at(r, c) != (r == c ? 1.0 : 0.0)) return false;
  return true;
}

/// How much louder than a stem's its rounding can become in the sum.
double most_gain(const Matrix& matrix) {
  double most = 0;
  for (int r = 0; r < matrix.rows; ++r) {
    double row = 0;
    for (int c = 0; c < matrix.columns; ++c) row += std::abs(matrix.at(r, c));
    most = std::max(most, row);
  }
  return most;
}

bool is_dithered(const mix::Deliverable& deliverable) {
  return deliverable.dither == mix::Dither::tpdf && deliverable.sample_type != mix::SampleType::float32;
}

}  // namespace

bool has_chained_dither(const mix::Document& document, const mix::Deliverable& stems) {
  if (!stems.per_bus || !stems.follow) return false;
  const mix::Deliverable& master = document.deliverables[*stems.follow];
  const std::vector<std::size_t> included = mix::included_stems(document, stems);
  if (!is_dithered(stems) || !is_dithered(master) || stems.sample_type != master.sample_type || master.matrix) return false;
  if (included != mix::included_stems(document, master)) return false;
  return std::all_of(included.begin(), included.end(), [&](std::size_t stem) {
    const mix::Bus& bus = document.buses[stem];
    const auto level = master.mix.find(bus.name);
    return bus.layout == master.layout && (level == master.mix.end() || level->second == 0);
  });
}

std::vector<StemSet> stem_sets(const mix::Document& document, const Plan& plan) {
  std::vector<StemSet> sets;
  const auto find = [&](std::size_t version, std::size_t deliverable, std::optional<std::size_t> bus) -> std::optional<std::size_t> {
    for (std::size_t p = 0; p < plan.prints.size(); ++p)
      if (plan.prints[p].version == version && plan.prints[p].deliverable == deliverable && plan.prints[p].bus == bus) return p;
    return std::nullopt;
  };
  for (std::size_t m = 0; m < plan.prints.size(); ++m) {
    const Print& master = plan.prints[m];
    if (master.bus) continue;
    const mix::Deliverable& of = document.deliverables[master.deliverable];
    for (std::size_t d = 0; d < document.deliverables.size(); ++d) {
      const mix::Deliverable& deliverable = document.deliverables[d];
      if (!deliverable.per_bus || deliverable.follow != master.deliverable) continue;
      const std::vector<std::size_t> included = mix::included_stems(document, deliverable);
      if (included.empty() || included != mix::included_stems(document, of)) continue;
      StemSet set{master.version, d, master.same_as.value_or(m), {}, {}, 0};
      double gains = 0;
      bool is_plain = true;
      for (std::size_t i = 0; i < included.size(); ++i) {
        const auto print = find(master.version, d, included[i]);
        if (!print) break;
        set.stems.push_back(plan.prints[*print].same_as.value_or(*print));
        set.matrices.push_back(master.inputs[i].matrix);
        gains += most_gain(set.matrices.back());
        is_plain &= is_identity(set.matrices.back());
      }
      if (set.stems.size() != included.size()) continue;
      const double step = std::max(step_of(of), step_of(deliverable));
      const bool has_loose_dither = (is_dithered(of) || is_dithered(deliverable)) && !has_chained_dither(document, deliverable);
      // Rounding is half a step a file. Dither that does not cancel is a step more: in the printmaster, and in each stem as it is taken in.
      set.allowed = is_plain && !has_loose_dither ? step * static_cast<double>(included.size()) : (has_loose_dither ? 1.5 : 0.5) * step * (1 + gains);
      sets.push_back(std::move(set));
    }
  }
  return sets;
}

}  // namespace dubfarm::plan
