// A mix document on a farm's machine, where folders have names.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "common/mix/parse.hpp"

namespace dubfarm::mix {

/// parse_mix(), with variables that every document has here: folders of this machine by name, such as "media", so that "{media}/reel1.wav" is a
/// file. A document's own variables go before them.
[[nodiscard]] ParseOutcome parse_rooted_mix(std::string_view text, const std::string& path, const std::map<std::string, std::string>& roots);

}  // namespace dubfarm::mix
