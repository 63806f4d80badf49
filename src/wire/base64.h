// Base64 (RFC 4648, with padding), as protobuf's JSON form writes byte strings.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace isomer {

std::string base64_encode(std::string_view bytes);
// Also takes the URL-safe alphabet and missing padding; nullopt for anything else.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace isomer
