#include "kernels/limit/limit_body.hpp"

namespace dubfarm::kernels::limit_ops {

#if defined(__AVX512F__)
const Ops kAvx512Ops = kOps;
#else
const Ops kAvx512Ops = {};  // another processor family: available_isas() never names it
#endif

}  // namespace dubfarm::kernels::limit_ops
