// A worker's known-answer render: before it asks for work it proves that this machine gives the bits that all others give.
#pragma once
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "kernels/device/device.hpp"

namespace dubfarm::cli {

/// The sum on every machine. Goes with worker::kNumericProfile: whatever changes a bit changes both.
inline constexpr std::string_view kSelfTestSum = "49aefce52aadd43caaeb6eaae13c21f2eabb8b9707443abb7f96c454fc0231d1";

/// Renders and hashes a small mix (equaliser, pan, level curve, reverb, rate conversion excepted) in a temporary folder.
/// Errors: internal where the sum differs, with both; io_error where there is no room for it.
[[nodiscard]] Result<void> self_test(std::string_view expected = kSelfTestSum);

/// Renders the mix above, without and with its reverb, and prints it, on a device and on the CPU, whose bits self_test() has proved. A device without memory
/// for the print would leave all prints to the CPU: that is no error. The device's memory is cleared after it.
/// Errors: internal, with the figure, where a sample without a reverb is another, or one with it differs by -120 dBFS or more (docs/decisions/0016), or
/// where a print's bytes or figures are others;
/// no_space where the device's memory limit has no room for it; backend_not_built where the device failed; io_error.
[[nodiscard]] Result<void> self_test_device(kernels::Device& device);

/// SHA-256 of the samples that the mix above gives here.
[[nodiscard]] Result<std::string> self_test_sum();

}  // namespace dubfarm::cli
