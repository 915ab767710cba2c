// A worker's known-answer render: before it asks for work it proves that this machine gives the bits that all others give.
#pragma once
#include <string>

#include "common/result.hpp"

namespace dubfarm::cli {

/// Renders and hashes a small mix (equaliser, pan, level curve, reverb, rate conversion excepted) in a temporary folder.
/// Errors: internal where the sum differs, with both; io_error where there is no room for it.
[[nodiscard]] Result<void> self_test();

/// SHA-256 of the samples that the mix above gives here.
[[nodiscard]] Result<std::string> self_test_sum();

}  // namespace dubfarm::cli
