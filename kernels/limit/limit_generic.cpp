#include "kernels/limit/limit_body.hpp"

namespace dubfarm::kernels::limit_ops {

const Ops kGenericOps = kOps;

}  // namespace dubfarm::kernels::limit_ops
