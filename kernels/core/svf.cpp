#include "kernels/core/svf.hpp"

namespace dubfarm::kernels {

SvfStep step_from(const SvfCoeffs& coeffs) { return coeffs.m0 == 1 && coeffs.m1 == 0 && coeffs.m2 == 0 ? SvfStep{} : svf_step(coeffs); }

}  // namespace dubfarm::kernels
