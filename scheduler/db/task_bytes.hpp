// A job's tasks as bytes, for the database. docs/formats/database.md has the layout.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "scheduler/farm/types.hpp"

namespace dubfarm::db {

/// Tasks first ... first + count - 1.
[[nodiscard]] std::string encode_tasks(const farm::TaskList& tasks, std::size_t first, std::size_t count);
/// Appends to `tasks` what encode_tasks() made. Errors: corrupt; `tasks` is not to be used then.
Result<void> decode_tasks(std::span<const std::byte> bytes, farm::TaskList& tasks);

/// Ascending numbers.
[[nodiscard]] std::string encode_indices(std::span<const farm::TaskIndex> indices);
Result<std::vector<farm::TaskIndex>> decode_indices(std::span<const std::byte> bytes);

}  // namespace dubfarm::db
