// Files that are compiled into the program: the dashboard, and the API's description.
#pragma once
#include <span>
#include <string_view>

namespace dubfarm::http {

struct Asset {
  std::string_view name;  // "app.js"
  std::string_view text;
};
[[nodiscard]] std::span<const Asset> built_in_assets();

}  // namespace dubfarm::http
