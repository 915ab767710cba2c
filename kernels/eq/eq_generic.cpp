#include "kernels/eq/eq_lanes_body.hpp"

namespace dubfarm::kernels::eq {
namespace {

struct Scalar {
  static constexpr int kLanes = 1, kRegisters = 16;
  double v;
  [[gnu::always_inline]] static Scalar load(const double* p) { return {*p}; }
  [[gnu::always_inline]] static Scalar load(const float* p) { return {static_cast<double>(*p)}; }
  [[gnu::always_inline]] static Scalar broadcast(const double* p) { return {*p}; }
  [[gnu::always_inline]] static void store(double* p, Scalar a) { *p = a.v; }
  [[gnu::always_inline]] static void store(float* p, Scalar a) { *p = static_cast<float>(a.v); }
  [[gnu::always_inline]] static Scalar mul(Scalar a, Scalar b) { return {a.v * b.v}; }
  [[gnu::always_inline]] static Scalar fma(Scalar a, Scalar b, Scalar c) { return {std::fma(a.v, b.v, c.v)}; }
};

}  // namespace

const LaneOps kGenericOps = ops_for<Scalar>();

}  // namespace dubfarm::kernels::eq
