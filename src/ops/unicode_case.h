// Upper and lower case of UTF-8 texts by Unicode's full mappings, without a language's own rules.
#pragma once

#include <string>
#include <string_view>

namespace isomer::ops {

// Malformed bytes become U+FFFD, as ICU makes them.
std::string to_upper_utf8(std::string_view text);
std::string to_lower_utf8(std::string_view text);

}  // namespace isomer::ops
