// Texts in configurations and metadata.
#pragma once

#include <string>
#include <string_view>

#include "wire/json.h"

namespace isomer::keras {

// The text of this member; empty where there is none, or it is no text.
inline std::string text_member(const JsonValue& json, std::string_view key) {
  const JsonValue* found = json.find(key);
  return found && found->is_string() ? found->text() : std::string();
}

}  // namespace isomer::keras
