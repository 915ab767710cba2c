#include "kernels/clip/clip_body.hpp"

namespace dubfarm::kernels::clip_ops {

const Ops kGenericOps = kOps;

}  // namespace dubfarm::kernels::clip_ops
