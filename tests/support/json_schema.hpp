// As much of JSON Schema (2020-12) as the schemas in docs/ use, for checking what dubfarm writes.
#pragma once
#include <string>

#include "tests/support/mix_folder.hpp"

namespace dubfarm::testing {

/// What of `value` does not fit `schema` (type, required, properties, items, $ref, enum, const, pattern, minimum, maximum, minItems,
/// minLength, additionalProperties): its places, a line each; empty where it fits. A keyword that constrains and is not in this list throws.
[[nodiscard]] std::string misfits(const Json& schema, const Json& value);
/// The same, where "$ref" points into `document`, of which `schema` is a part.
[[nodiscard]] std::string misfits(const Json& schema, const Json& value, const Json& document);

}  // namespace dubfarm::testing
