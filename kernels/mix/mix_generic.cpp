#include "kernels/mix/mix_body.hpp"

namespace dubfarm::kernels::mix_ops {

const Ops kGenericOps = kOps;

}  // namespace dubfarm::kernels::mix_ops
