#include "kernels/automation/automation_body.hpp"

namespace dubfarm::kernels::automation_ops {

const Ops kGenericOps = kOps;

}  // namespace dubfarm::kernels::automation_ops
