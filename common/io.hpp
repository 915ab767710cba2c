// Whole files and folders.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "common/descriptor.hpp"
#include "common/result.hpp"

namespace dubfarm {

/// Reads exactly into.size() bytes at `offset`; a file that ends before is Errc::corrupt.
[[nodiscard]] Result<void> read_exactly_at(const Descriptor& file, std::int64_t offset, std::span<std::byte> into, const std::string& path);
/// Makes a folder and its parents; one that is there is fine.
[[nodiscard]] Result<void> make_folders(const std::string& path);
/// Puts `text` under `path` in one step: written to a temporary name beside it, synced, renamed.
[[nodiscard]] Result<void> write_file_atomically(const std::string& path, std::string_view text);

}  // namespace dubfarm
