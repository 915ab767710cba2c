#include "worker/gain_after.hpp"

#include <algorithm>
#include <limits>

#include "kernels/core/math.hpp"

namespace dubfarm::worker {

double gain_after(const program::Program& program, const program::Reverb& reverb) {
  const auto most = [](const mix::Automation& db) {
    double highest = -std::numeric_limits<double>::infinity();
    for (const mix::AutomationPiece& piece : mix::pieces_of(db)) {
      if (piece.points.empty()) highest = std::max(highest, piece.constant);
      for (const mix::AutomationPoint& point : piece.points) highest = std::max(highest, point.value);
    }
    return highest;
  };
  const auto level = [&](const std::vector<program::Band>& bands, const mix::Automation& fader) {
    double db = most(fader);
    for (const program::Band& band : bands) db += std::max(0.0, most(band.gain_db));
    return db;
  };
  double db = level(reverb.eq, reverb.gain_db);
  for (std::uint32_t bus = reverb.bus; bus != program::kNoBus; bus = program.buses[bus].parent)
    db += level(program.buses[bus].eq, program.buses[bus].gain_db);
  return kernels::gain_from_db(db);
}

}  // namespace dubfarm::worker
