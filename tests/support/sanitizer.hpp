// How much a test does under a sanitizer.
#pragma once

namespace dubfarm::testing {

/// Step between the seeds of a long property test. A sanitizer looks for faults of memory and threads, which few seeds reach as well as many, in
/// a program several times slower; that the results are right is for the plain build to show, with every seed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr unsigned kSeedStep = 5;
#else
inline constexpr unsigned kSeedStep = 1;
#endif

}  // namespace dubfarm::testing
