// The most that a machine with a GPU gives.
#pragma once
#include <vector>

namespace dubfarm::bench {

struct Ceilings {
  double device_copy_gbps = 0;  // read and written together, as every other figure of memory here
  double to_device_gbps = 0, from_device_gbps = 0, both_ways_gbps = 0;  // from and to page-locked memory
  double fp64_tflops = 0;       // multiply-adds, two operations each
  struct Fft { int size, batch; double ms; };  // real to complex, float; ms below 0: not possible here
  std::vector<Fft> ffts;
};

/// On the current device. Ends the program where CUDA refuses anything.
[[nodiscard]] Ceilings measure_ceilings();

}  // namespace dubfarm::bench
