// Regular expressions as tf.js has to be told them.
//
// TensorFlow's StaticRegexReplace takes RE2's syntax for pattern and replacement, over Unicode characters. tf.js hands both to JavaScript's RegExp without
// its flag u, over UTF-16 units, after it turned all attribute strings into lower case and read their bytes as Latin-1. What is written for it is therefore
// ASCII without capitals: 'A' is \x41, 'é' is \u00e9, the characters above U+FFFF are pairs of units.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace isomer::tfjs {

struct RegexSpelling {
  std::string pattern, rewrite;
};

// TensorFlow's spelling in JavaScript's, or why there is none that matches and replaces the same in every text: flags, Unicode classes, what may
// match nothing, capitals in the replacement. A pattern that RE2 refuses is refused.
std::expected<RegexSpelling, std::string> regex_for_javascript(std::string_view pattern, std::string_view rewrite);

// The way back, for what regex_for_javascript writes. Other patterns stay as they are, and so does a replacement with a backslash: other converters copy
// TensorFlow's spelling.
RegexSpelling regex_from_javascript(std::string_view pattern, std::string_view rewrite);

}  // namespace isomer::tfjs
