// `dubfarm doctor`: what this machine offers, and what dubfarm will use.
#pragma once
#include <string>

namespace dubfarm::cli {

/// Prints processor, instruction sets, memory, the backends and why one is not used, the store and its free space, library versions; as
/// JSON where asked. @return 0, or 3 where a render could not run here (no store to write).
[[nodiscard]] int run_doctor(const std::string& store_folder, bool json);

}  // namespace dubfarm::cli
