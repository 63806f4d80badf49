#include "wire/regex.h"

#include <re2/re2.h>

#include <array>

namespace isomer::wire {
namespace {

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

// Bytes of the UTF-8 character at the start of `text`; 1 where it is malformed.
size_t character_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t size = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
  if (size > text.size()) return 1;
  for (size_t i = 1; i < size; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 1;
  return size;
}

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto expression = std::make_shared<const re2::RE2>(piece(pattern), options);
  if (!expression->ok()) {
    return fail(ErrorCode::kInvalidModel, "'" + std::string(pattern) + "' is no regular expression: " + expression->error());
  }
  return Regex(std::move(expression));
}

bool Regex::matches_all(std::string_view text) const { return re2::RE2::FullMatch(piece(text), *expression_); }

Result<std::string> Regex::replace(std::string_view text, std::string_view rewrite, bool all, int64_t limit) const {
  constexpr size_t kNone = std::string_view::npos;
  std::string error;
  if (!expression_->CheckRewriteString(piece(rewrite), &error)) return std::string(text);
  std::array<re2::StringPiece, 10> groups;
  const int count = 1 + re2::RE2::MaxSubmatch(piece(rewrite));
  std::string result;
  size_t at = 0, last_end = kNone;
  while (at <= text.size()) {
    if (static_cast<int64_t>(result.size()) > limit) return fail(ErrorCode::kLimitExceeded, "a replaced text exceeds " + std::to_string(limit) + " bytes");
    if (!expression_->Match(piece(text), at, text.size(), re2::RE2::UNANCHORED, groups.data(), count)) break;
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    result.append(text.substr(at, begin - at));
    at = begin + groups[0].size();
    if (groups[0].empty() && begin == last_end) {
      // An empty match right behind the last match does not count: one character passes as it is.
      if (at == text.size()) break;
      const size_t size = character_size(text.substr(at));
      result.append(text.substr(at, size));
      at += size;
      continue;
    }
    expression_->Rewrite(&result, piece(rewrite), groups.data(), count);
    last_end = at;
    if (!all) break;
  }
  if (at < text.size()) result.append(text.substr(at));
  return result;
}

}  // namespace isomer::wire
