#include "kernels/level/level.hpp"

#include "kernels/level/level_body.hpp"

namespace dubfarm::kernels {

namespace levels {

Level run_generic(const float* x, Frames count, float lowest, float highest) { return run(x, count, lowest, highest); }

}  // namespace levels

Level level(const float* x, Frames count, float lowest, float highest, Isa isa) {
  switch (isa) {
    case Isa::avx512: return levels::run_avx512(x, count, lowest, highest);
    case Isa::avx2: return levels::run_avx2(x, count, lowest, highest);
    case Isa::generic: break;
  }
  return levels::run_generic(x, count, lowest, highest);
}

}  // namespace dubfarm::kernels
