#include "kernels/limit/limit_body.hpp"

namespace dubfarm::kernels::limit_ops {

#if defined(__AVX2__)
const Ops kAvx2Ops = kOps;
#else
const Ops kAvx2Ops = {};  // another processor family: available_isas() never names it
#endif

}  // namespace dubfarm::kernels::limit_ops
