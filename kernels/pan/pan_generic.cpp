#include "kernels/pan/pan_body.hpp"

namespace dubfarm::kernels::pan_ops {

const Ops kGenericOps = kOps;

}  // namespace dubfarm::kernels::pan_ops
