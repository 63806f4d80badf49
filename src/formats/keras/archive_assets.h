// What layers keep in an archive besides weights: the vocabularies that they learned from data.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/limits.h"
#include "wire/json.h"

namespace isomer::keras {

// Puts the vocabularies of an archive's assets ("assets/layers/string_lookup/vocabulary.txt", an entry a line) into the configurations of their layers, where
// these have none: {"class_name", "config"} of the model. `read` gives the text of a member. InvalidModel where an entry of an IntegerLookup is no number,
// LimitExceeded where the entries take more than `document_bytes`.
Result<void> take_vocabularies(JsonValue& model_config, std::span<const std::string> members, const std::function<Result<Bytes>(const std::string&)>& read,
                               const Limits& limits);

}  // namespace isomer::keras
