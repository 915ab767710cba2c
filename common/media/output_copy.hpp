// Finished output files put into another place.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "common/result.hpp"

namespace dubfarm::media {

/// Makes `final_path` a copy of `from`, where that holds the bytes of this SHA-256: copied under the partial name (as a clone of its blocks where the
/// file system can), synced, read back and hashed, then renamed.
/// @return the new file's size; nothing where `from` cannot be read or holds other bytes: then nothing of that name is made or changed.
/// Errors: as OutputFile::create() and finish() (output_file.hpp).
[[nodiscard]] Result<std::optional<std::uint64_t>> copy_output(const std::string& from, const std::string& final_path, const std::string& sha256);

}  // namespace dubfarm::media
