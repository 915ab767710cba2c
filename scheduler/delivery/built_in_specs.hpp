// The texts of scheduler/delivery/specs/*.json as the build compiled them in (cmake/EmbedSpecs.cmake writes the .cpp).
#pragma once
#include <span>
#include <string_view>

namespace dubfarm::scheduler {

[[nodiscard]] std::span<const std::string_view> built_in_spec_texts();

}  // namespace dubfarm::scheduler
