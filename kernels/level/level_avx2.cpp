#include "kernels/level/level_body.hpp"

namespace dubfarm::kernels::levels {

Level run_avx2(const float* x, Frames count, float lowest, float highest) { return run(x, count, lowest, highest); }

}  // namespace dubfarm::kernels::levels
