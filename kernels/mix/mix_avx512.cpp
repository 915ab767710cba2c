#include "kernels/mix/mix_body.hpp"

namespace dubfarm::kernels::mix_ops {

#if defined(__AVX512F__)
const Ops kAvx512Ops = kOps;
#else
const Ops kAvx512Ops = {};  // another processor family: available_isas() never names it
#endif

}  // namespace dubfarm::kernels::mix_ops
