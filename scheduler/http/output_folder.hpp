// Opening files of a job's folder, and none beside it.
#pragma once
#include <string>

#include "common/descriptor.hpp"
#include "common/result.hpp"

namespace dubfarm::http {

/// Opens a regular file below `folder` for reading. No part of `path` may be "..", ".", empty or a symbolic link.
/// Errors: not_found (all of those too, and what is not a regular file); io_error.
[[nodiscard]] Result<Descriptor> open_in_folder(const std::string& folder, const std::string& path);

}  // namespace dubfarm::http
