// Instruction sets that the CPU kernels are compiled for, chosen at run time. Every kernel gives the same bits on each of them.
#pragma once
#include <span>
#include <string_view>

namespace dubfarm::kernels {

enum class Isa { generic, avx2, avx512 };  // avx2 means AVX2 + FMA; avx512 means F, BW, DQ, VL

[[nodiscard]] std::string_view name_of(Isa isa);
/// What this processor runs, weakest first; never empty. DUBFARM_ISA=generic|avx2|avx512 in the environment lowers the ceiling.
[[nodiscard]] std::span<const Isa> available_isas();
/// The strongest of available_isas().
[[nodiscard]] Isa best_isa();

/// Flush-to-zero and denormals-are-zero for this thread while it lives; restores the former mode. Every rendering thread holds one.
class FlushDenormals {
 public:
  FlushDenormals() noexcept;
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned saved_;
};

}  // namespace dubfarm::kernels
