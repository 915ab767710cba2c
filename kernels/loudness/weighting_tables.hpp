// The filters' numbers as kernels on a device take them.
#pragma once
#include "kernels/loudness/loudness.hpp"
#include "kernels/loudness/loudness_cuda.hpp"
#include "kernels/loudness/m_weighting.hpp"

namespace dubfarm::kernels {

/// In the order that cuda::Weighting names.
[[nodiscard]] inline cuda::Weighting weighting_of(const KWeighting& k) {
  return {false, {k.shelf.b0, k.shelf.b1, k.shelf.b2, k.shelf.a1, k.shelf.a2, k.high_pass.a1, k.high_pass.a2}};
}
[[nodiscard]] inline cuda::Weighting weighting_of(const MWeighting& m) {
  return {true, {m.b[0], m.b[1], m.b[2], m.b[3], m.a[0][0], m.a[0][1], m.a[1][0], m.a[1][1], m.a[2][0], m.a[2][1]}};
}

}  // namespace dubfarm::kernels
