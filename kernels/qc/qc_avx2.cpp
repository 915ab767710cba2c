#include "kernels/qc/qc_body.hpp"

namespace dubfarm::kernels::qc {

const Ops kAvx2 = kOps;

}  // namespace dubfarm::kernels::qc
