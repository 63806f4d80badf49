#include "ir/text_cursor.h"

#include <algorithm>
#include <charconv>

namespace isomer::ir {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool is_word_character(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_character(char c) { return is_word_character(c) || c == '.' || c == '/' || c == '-'; }

void TextCursor::skip_space() {
  while (at_ < text_.size()) {
    if (is_space(text_[at_])) {
      ++at_;
    } else if (text_.substr(at_).starts_with("//")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else {
      return;
    }
  }
}

bool TextCursor::at_end() {
  skip_space();
  return at_ == text_.size();
}

bool TextCursor::take(std::string_view token) {
  skip_space();
  if (!rest().starts_with(token)) return false;
  at_ += token.size();
  return true;
}

std::string_view TextCursor::next_word() {
  skip_space();
  size_t end = at_;
  while (end < text_.size() && is_word_character(text_[end])) ++end;
  return text_.substr(at_, end - at_);
}

bool TextCursor::take_word(std::string_view word) {
  if (next_word() != word) return false;
  at_ += word.size();
  return true;
}

Result<void> TextCursor::expect(std::string_view token) {
  if (!take(token)) return expected("'" + std::string(token) + "'");
  return {};
}

Result<std::string> TextCursor::word(std::string_view what) {
  const std::string_view found = next_word();
  if (found.empty() || is_digit(found.front())) return expected(what);
  at_ += found.size();
  return std::string(found);
}

Result<std::string> TextCursor::quoted(std::string_view what) {
  skip_space();
  if (peek() != '"') return expected(what);
  const size_t begin = at_++;
  std::string result;
  while (at_ < text_.size() && text_[at_] != '"') {
    const char c = text_[at_++];
    if (c == '\n') break;
    if (c != '\\') {
      result += c;
      continue;
    }
    const char escape = peek();
    ++at_;
    switch (escape) {
      case '"':
      case '\\': result += escape; break;
      case 'n': result += '\n'; break;
      case 't': result += '\t'; break;
      case 'x': {
        const int high = hex_digit(peek()), low = at_ + 1 < text_.size() ? hex_digit(text_[at_ + 1]) : -1;
        if (high < 0 || low < 0) return expected("two hexadecimal digits after \\x");
        result += static_cast<char>(high * 16 + low);
        at_ += 2;
        break;
      }
      default: --at_; return expected("one of \" \\ n t x after a backslash");
    }
  }
  if (peek() != '"') return error(ErrorCode::kMalformed, "this string has no closing quote on its line", begin);
  ++at_;
  return result;
}

Result<std::string> TextCursor::name(std::string_view what) {
  const size_t begin = at_;
  if (peek() == '"') {
    std::string text = TRY(quoted(what));
    if (text.empty()) return error(ErrorCode::kMalformed, "a name must not be empty", begin);
    return text;
  }
  while (at_ < text_.size() && is_name_character(text_[at_])) ++at_;
  if (at_ == begin) return expected(what);
  return std::string(text_.substr(begin, at_ - begin));
}

Result<int64_t> TextCursor::integer(std::string_view what) {
  skip_space();
  int64_t value = 0;
  const auto [end, status] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (status == std::errc::result_out_of_range) return error(ErrorCode::kMalformed, "this number does not fit 64 bits", at_);
  const auto length = static_cast<size_t>(end - (text_.data() + at_));
  if (status != std::errc()) return expected(what);
  at_ += length;
  return value;
}

std::string TextCursor::place(size_t offset) const {
  const std::string_view before = text_.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return std::string(source_) + ":" + std::to_string(line) + ":" + std::to_string(offset - line_begin + 1);
}

std::unexpected<Error> TextCursor::error(ErrorCode code, std::string message, size_t offset) const {
  return fail(Error{code, std::move(message), place(offset), {}, {}});
}

std::unexpected<Error> TextCursor::expected(std::string_view what) const {
  std::string found = "the end of the text";
  if (at_ < text_.size()) {
    size_t end = at_;
    while (end < text_.size() && end - at_ < 40 && is_name_character(text_[end])) ++end;
    const std::string_view token = text_.substr(at_, std::max<size_t>(end - at_, 1));
    found = token == "\n" ? "the end of the line" : quote(token);
  }
  return error(at_ < text_.size() ? ErrorCode::kMalformed : ErrorCode::kTruncated, "expected " + std::string(what) + ", found " + found, at_);
}

}  // namespace isomer::ir
