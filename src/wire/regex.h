// Regular expressions in RE2's syntax, as TensorFlow's string ops use them. Matching takes time linear in the text.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace re2 {
class RE2;
}

namespace isomer::wire {

class Regex {
 public:
  // InvalidModel with RE2's words when the pattern is wrong.
  static Result<Regex> compile(std::string_view pattern);

  // Does the pattern match the whole text?
  bool matches_all(std::string_view text) const;
  // The text with the first match, or all matches, replaced. \0 of `rewrite` is the match, \1 to \9 are its groups; a rewrite that names a group that
  // the pattern lacks replaces nothing. LimitExceeded when the result would have more than `limit` bytes.
  Result<std::string> replace(std::string_view text, std::string_view rewrite, bool all, int64_t limit) const;

 private:
  explicit Regex(std::shared_ptr<const re2::RE2> expression) : expression_(std::move(expression)) {}
  std::shared_ptr<const re2::RE2> expression_;
};

}  // namespace isomer::wire
