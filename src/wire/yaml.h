// YAML texts as JSON values: what Keras wrote with PyYAML.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/limits.h"
#include "wire/json.h"

namespace isomer {

// Reads the first document. Mappings need texts (or numbers) as keys; plain scalars are resolved as YAML 1.1 does: null, booleans, whole and decimal numbers,
// else texts. Tags of Python (!!python/tuple) are ignored, aliases repeat what they name.
// Errors: Malformed with line and column; LimitExceeded when nesting or the values together pass the limits (aliases can make a few bytes large).
Result<JsonValue> read_yaml(std::string_view text, const Limits& limits);

}  // namespace isomer
